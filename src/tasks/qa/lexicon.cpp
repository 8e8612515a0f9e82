#include "kvmem/tasks/qa/lexicon.hpp"

#include "tasks/qa/near_words.hpp"

#include <algorithm>

namespace kvmem {

Lexicon::Lexicon(Vocabulary vocabulary, std::vector<Token> candidates, WordVectors vectors)
    : vocabulary_(std::move(vocabulary)), candidates_(std::move(candidates)) {
    if (!vectors.empty()) near_ = std::make_unique<const NearWords>(std::move(vectors), vocabulary_);
    index();
}
Lexicon::~Lexicon() = default;
Lexicon::Lexicon(Lexicon&&) noexcept = default;
Lexicon& Lexicon::operator=(Lexicon&&) noexcept = default;

const WordVectors* Lexicon::vectors() const { return near_ ? &near_->vectors() : nullptr; }

Token Lexicon::like(std::string_view word) const { return near_ ? near_->nearest(word) : unknown_token; }

void Lexicon::index() {
    const auto size = static_cast<std::size_t>(vocabulary_.size());
    const auto known = static_cast<Token>(inputs_.size());  // of these the input stays
    inputs_.resize(size);
    candidate_number_.assign(size, -1);
    second_.clear();
    for (Token token = 0; token < vocabulary_.size(); ++token) {
        const TokenKind kind = vocabulary_.kind(token);
        const bool untrained = first_kind(kind) == TokenKind::word && vocabulary_.count(token) == 0;
        if (token >= known)
            inputs_[token] = !untrained                ? token
                             : kind == TokenKind::word ? like(vocabulary_.text(token))
                                                       : unknown_token;
        if (first_kind(kind) == kind) continue;
        second_.resize(size, unknown_token);
        if (const auto first = vocabulary_.find(first_kind(kind), vocabulary_.text(token)))
            second_[*first] = inputs_[token];
    }
    for (std::size_t i = 0; i < candidates_.size(); ++i) candidate_number_[candidates_[i]] = static_cast<Index>(i);
}

Ragged<Token> Lexicon::inputs(const Ragged<Token>& bags) const {
    Ragged<Token> mapped = bags;
    for (Token& token : mapped.values) token = input(token);
    return mapped;
}

Ragged<Token> Lexicon::question_inputs(const Ragged<Token>& questions) const {
    if (second_.empty()) return inputs(questions);
    Ragged<Token> both;
    for (Index i = 0; i < questions.size(); ++i) {
        for (const Token token : questions[i]) both.values.push_back(input(token));
        for (const Token token : questions[i])
            if (second_[token] != unknown_token) both.values.push_back(second_[token]);
        both.end_row();
    }
    return both;
}

// Whether questions bring all slots that they read, and so may be about anything that training was about.
static bool brings_all_slots(const QaDataset& dataset) {
    const auto brings_slots = [](const auto& split) { return split.second.has_local_memory(); };
    return dataset.memory.size() == 0 && std::ranges::any_of(dataset.splits, brings_slots);
}

std::vector<Token> Lexicon::extend(const QaDataset& dataset, bool words_too) {
    const Vocabulary& theirs = dataset.vocabulary;
    std::vector<Token> to(theirs.size(), unknown_token);
    for (Token token = 1; token < theirs.size(); ++token) {
        const TokenKind kind = theirs.kind(token);
        const std::string& text = theirs.text(token);
        Token& ours = to[token];
        if (token < vocabulary_.size() && vocabulary_.kind(token) == kind && vocabulary_.text(token) == text)
            ours = token;  // the usual case: the data set of the model's training
        else if (first_kind(kind) == TokenKind::entity || (words_too && first_kind(kind) == TokenKind::word))
            ours = vocabulary_.add(kind, text);
        else if (const auto known = vocabulary_.find(kind, text))
            ours = *known;
    }
    if (!brings_all_slots(dataset)) candidates_.clear();
    for (const Token token : dataset.candidates) candidates_.push_back(to[token]);
    std::sort(candidates_.begin(), candidates_.end());
    candidates_.erase(std::unique(candidates_.begin(), candidates_.end()), candidates_.end());
    std::erase(candidates_, unknown_token);  // an unknown word is no answer
    index();
    return to;
}

void translate(Slots& slots, std::span<const Token> to) {
    translate(slots.key.values, to);
    translate(slots.value.values, to);
}

void translate(std::span<Token> tokens, std::span<const Token> to) {
    for (Token& token : tokens) token = to[token];
}

}  // namespace kvmem
