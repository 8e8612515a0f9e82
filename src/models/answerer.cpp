#include "kvmem/models/answerer.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/kernels/softmax.hpp"
#include "kvmem/kernels/top_k.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace kvmem {

struct Answerer::Impl {
    std::unique_ptr<Model> model;
    Slots memory;  // in the model's tokens
    Retriever retriever;
    Linker linker;

    Impl(std::unique_ptr<Model> m, Slots s)
        : model(std::move(m)),
          memory(std::move(s)),
          retriever(memory, model->vocabulary(), model->retrieval()),
          linker(model->vocabulary()) {}

    Token token_of(const std::string& text) const {
        const auto found = linker.find(text);
        return found.empty() ? unknown_token : found.front();
    }
    // Adds to `unknown` the sentences' words that training never saw, and the values that are no names.
    Batch batch_of(const LinkedText& question, const std::vector<TextSlot>& own,
                   std::vector<std::string>& unknown) const;
    std::vector<Answer::Candidate> best(std::span<const Real> scores, Index count) const;
    std::vector<Answer::ReadSlot> read_slots(const Batch& batch, std::span<const Real> weights, Index count) const;
};

std::string text_of(const Vocabulary& vocabulary, std::span<const Token> tokens) {
    std::string text;
    for (const Token token : tokens) text += (text.empty() ? "" : " ") + vocabulary.text(token);
    return text;
}

Answerer::Answerer(std::unique_ptr<Model> model, QaDataset memory) {
    const std::vector<Token> to = model->extend(memory);
    translate(memory.memory, to);
    impl_ = std::make_unique<Impl>(std::move(model), std::move(memory.memory));
}
Answerer::~Answerer() = default;
Answerer::Answerer(Answerer&&) noexcept = default;
Answerer& Answerer::operator=(Answerer&&) noexcept = default;

const Model& Answerer::model() const { return *impl_->model; }
Index Answerer::memory_slots() const { return impl_->memory.size(); }

// Adds the words that are not there yet.
static void add_words(std::vector<std::string>& all, const std::vector<std::string>& words) {
    for (const std::string& word : words)
        if (std::ranges::find(all, word) == all.end()) all.push_back(word);
}

Batch Answerer::Impl::batch_of(const LinkedText& question, const std::vector<TextSlot>& own,
                               std::vector<std::string>& unknown) const {
    Batch batch;
    for (const TextSlot& slot : own) {
        const LinkedText key = linker.link(slot.key);
        batch.slots.key.push_row(key.tokens);
        if (slot.value) {
            const Token value = token_of(*slot.value);
            if (value == unknown_token) add_words(unknown, {*slot.value});
            batch.slots.value.push_row(std::span(&value, 1));
        } else {
            add_words(unknown, key.unknown_words);
            batch.slots.value.push_row(key.tokens);
        }
        batch.origin.push_back(-1);
    }
    add_example(batch, question.tokens, {}, memory, retriever);
    return batch;
}

std::vector<Answer::Candidate> Answerer::Impl::best(std::span<const Real> scores, Index count) const {
    Matrix weights(1, static_cast<Index>(scores.size()));
    std::copy(scores.begin(), scores.end(), weights.data());
    softmax(weights);
    std::vector<Answer::Candidate> all;
    for (const Scored& s : top_k(scores, count)) {
        const Token token = model->candidates()[static_cast<std::size_t>(s.index)];
        all.push_back({model->vocabulary().text(token), double{s.score}, double{weights(0, s.index)}});
    }
    return all;
}

std::vector<Answer::ReadSlot> Answerer::Impl::read_slots(const Batch& batch, std::span<const Real> weights,
                                                         Index count) const {
    std::vector<Answer::ReadSlot> all;
    for (const Scored& s : top_k(weights, count))
        all.push_back({text_of(model->vocabulary(), batch.slots.key[s.index]),
                       text_of(model->vocabulary(), batch.slots.value[s.index]), double{s.score}, s.index});
    return all;
}

Answer Answerer::ask(const std::string& question, const AnswerOptions& options,
                     const std::vector<TextSlot>& own) const {
    const Impl& in = *impl_;
    const LinkedText linked = in.linker.link(question);
    Answer answer;
    answer.unknown_words = linked.unknown_words;
    for (const Token token : linked.entities) answer.entities.push_back(in.model->vocabulary().text(token));
    if (linked.entities.empty() && in.memory.size() > 0)
        for (const Token token : in.linker.nearest(question, 3))
            answer.suggestions.push_back(in.model->vocabulary().text(token));

    const Batch batch = in.batch_of(linked, own, answer.unknown_words);
    answer.slots = batch.slots.size();
    answer.own_slots = static_cast<Index>(own.size());
    if (answer.slots == 0) return answer;
    Tape tape;
    tape.set_training(false);
    Matrix scores(1, static_cast<Index>(in.model->candidates().size()));
    Reads reads;
    in.model->score(tape, batch, scores, &reads);
    const auto numbers = scores.view().span();
    if (!std::all_of(numbers.begin(), numbers.end(), [](Real s) { return std::isfinite(s); }))
        throw Error({.what = "this model's scores are not finite numbers",
                     .expected = {},
                     .got = {},
                     .where = {},
                     .hint = "train again, with a lower rate or a clip length"});
    answer.candidates = in.best(scores.view().span(), options.candidates);
    for (Index hop = 0; hop < reads.hops; ++hop) {
        Answer::Hop& shown = answer.hops.emplace_back();
        for (Index head = 0; head < reads.heads; ++head)
            shown.heads.push_back({in.read_slots(batch, reads.of(hop, head), options.slots)});
    }
    return answer;
}

}  // namespace kvmem
