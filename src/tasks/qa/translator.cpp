#include "tasks/qa/translator.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace kvmem {

static std::vector<bool> tokens_in_use(const Vocabulary& theirs, TokenKind kind, std::span<const Token> to,
                                       Token model_tokens) {
    std::vector<bool> in_use(model_tokens, false);
    for (Token token = 0; token < theirs.size(); ++token)
        if (theirs.kind(token) == kind) in_use[to[token]] = true;
    return in_use;
}

std::vector<bool> names_in_use(const Vocabulary& theirs, Index slots, std::span<const Token> to, Token model_tokens) {
    return slots == 0 ? std::vector<bool>() : tokens_in_use(theirs, TokenKind::entity, to, model_tokens);
}

std::vector<bool> relations_in_use(const Vocabulary& theirs, std::span<const Token> to, Token model_tokens) {
    std::vector<bool> relations = tokens_in_use(theirs, TokenKind::relation, to, model_tokens);
    relations[unknown_token] = false;
    return relations;
}

void leave_out_possessives(Ragged<Token>& rows, const Vocabulary& vocabulary) {
    const std::optional<Token> possessive = vocabulary.find(TokenKind::word, "s");
    if (!possessive || std::ranges::find(rows.values, *possessive) == rows.values.end()) return;
    Ragged<Token> others;
    for (Index i = 0; i < rows.size(); ++i) {
        bool behind_name = false;
        for (const Token token : rows[i]) {
            if (token != *possessive || !behind_name) others.values.push_back(token);
            behind_name = vocabulary.kind(token) == TokenKind::entity;
        }
        others.end_row();
    }
    rows = std::move(others);
}

Translator::Translator(const Vocabulary& theirs, const Lexicon& ours, std::span<const Token> to,
                       const EntityLinker& linker, bool marks_names)
    : theirs_(theirs),
      ours_(ours.vocabulary()),
      to_(to),
      inputs_(to.begin(), to.end()),
      linker_(linker),
      marks_names_(marks_names) {
    for (Token token = 0; token < theirs.size(); ++token)
        if (inputs_[token] == unknown_token && is_word(token)) inputs_[token] = ours.like(theirs.text(token));
}

bool Translator::is_trained(Token theirs) const {
    const Token ours = to_[theirs];
    return ours != unknown_token && ours_.count(ours) > 0;
}

void Translator::append_words(std::vector<Token>& out, std::span<const Token> words, bool beside_names) const {
    if (std::ranges::all_of(words, [&](Token word) { return is_trained(word); })) {
        for (const Token word : words) out.push_back(to_[word]);
        return;
    }
    std::string text;
    std::vector<std::size_t> begins;  // where each word begins in the text
    for (const Token word : words) {
        if (!text.empty()) text += ' ';
        begins.push_back(text.size());
        text += theirs_.text(word);
    }
    std::size_t at = 0;
    bool names = false;  // whether the last part became names
    for (const TextPart& part : linker_.parts(text, {.beside_names = beside_names})) {
        const std::size_t first = at;
        while (at < words.size() && begins[at] < part.end) ++at;
        const auto covered = words.subspan(first, at - first);
        if (covered.empty()) {  // the "s" of a possessive whose word belongs to the name before it
            const std::optional<Token> word = ours_.find(TokenKind::word, part.word);
            if (names && word && ours_.count(*word) > 0) out.push_back(*word);
            continue;
        }
        names = !part.entities.empty() && !std::ranges::all_of(covered, [&](Token word) { return is_trained(word); });
        if (names) out.insert(out.end(), part.entities.begin(), part.entities.end());
        if (!names)
            for (const Token word : covered) out.push_back(inputs_[word]);
    }
    for (; at < words.size(); ++at) out.push_back(inputs_[words[at]]);
}

void Translator::translate_texts(Ragged<Token>& rows) const {
    Ragged<Token> translated;
    for (Index i = 0; i < rows.size(); ++i) {
        const auto row = rows[i];
        const bool named = marks_names_ && !std::ranges::all_of(row, [&](Token t) { return is_word(t); });
        for (std::size_t at = 0; at < row.size();) {
            const auto end = std::find_if_not(row.begin() + static_cast<std::ptrdiff_t>(at), row.end(),
                                              [&](Token t) { return is_word(t); });
            const std::size_t words = end - row.begin() - at;
            if (words > 0) append_words(translated.values, row.subspan(at, words), named);
            at += words;
            if (at == row.size()) break;
            translated.values.push_back(to_[row[at++]]);
        }
        translated.end_row();
    }
    rows = std::move(translated);
}

}  // namespace kvmem
