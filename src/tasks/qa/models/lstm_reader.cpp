#include "kvmem/tasks/qa/models/lstm_reader.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/nn/layers.hpp"
#include "tasks/qa/model_type.hpp"

#include <algorithm>

namespace kvmem {

LstmReader::LstmReader(const LstmReaderConfig& config, ModelWords words, std::vector<Token> candidates,
                       const LoadParameter& load)
    : Model(std::move(words), std::move(candidates)),
      config_(validated(config)),
      words_(&parameters_->add("words", Matrix(0, config.width))),
      answers_(&parameters_->add("answers", Matrix(0, config.width))) {
    cells_.emplace(*parameters_, "cells",
                   RecurrentOptions{.cell = config.cell,
                                    .in = config.width,
                                    .width = config.width,
                                    .layers = config.layers,
                                    .dropout = config.dropout},
                   config.seed);
    if (load) load_parameters(load);
    grow();
}

void LstmReader::grow() {
    grow_table(*words_, 0, 0.1, config_.seed, config_.words);
    grow_table(*answers_, 1, 0.1, config_.seed, config_.words);
}

std::string LstmReader::summary() const {
    return "A recurrent reader (" + std::string(choices(config_.cell)[static_cast<std::size_t>(config_.cell)]) +
           ") of width " + std::to_string(config_.width) + " with " + std::to_string(config_.layers) + " layer(s)";
}

// The last states [B, width] of sequences of a question's slots, each once, and of the question.
Var LstmReader::run(Tape& tape, const Batch& batch) const {
    std::vector<Token> tokens;
    std::vector<Index> offsets{0};
    const auto append = [&](std::span<const Token> words) {
        for (const Token word : words) tokens.push_back(lexicon_.input(word));
    };
    for (Index i = 0; i < batch.size(); ++i) {
        const auto [first, last] = batch.slots_of(i);
        for (Index s = first; s < last; ++s) {
            append(batch.slots.key[s]);
            if (!std::ranges::equal(batch.slots.key[s], batch.slots.value[s])) append(batch.slots.value[s]);
        }
        const Index excess = std::ssize(tokens) - offsets.back() - config_.max_words;
        if (excess > 0) tokens.erase(tokens.begin() + offsets.back(), tokens.begin() + offsets.back() + excess);
        append(batch.question[i]);
        offsets.push_back(std::ssize(tokens));
    }
    const Var words = dropout(Embedding(*words_)(tape, tokens), config_.dropout);
    return dropout((*cells_)(words, offsets).last.h.back(), config_.dropout);
}

Var LstmReader::loss(Tape& tape, const Batch& batch, Rng& rng) const {
    const Targets targets = choose_targets(batch, rng);
    return cross_entropy(dot_scores(run(tape, batch), candidate_vectors(tape, *answers_)), targets.candidate,
                         targets.others);
}

void LstmReader::score(Tape& tape, const Batch& batch, View scores, AttentionTrace* trace) const {
    score_candidates(run(tape, batch).value(), *answers_, scores);
    if (trace) trace->resize(0, 0, batch.slots.size());
}

const QaModelType& lstm_reader() {
    static const auto type = QaModelType::of<LstmReader, LstmReaderConfig>(
        "reads a story word by word without a memory: the papers' baseline (Weston et al. 2016)",
        [](TrainerOptions& t) {
            t.optimizer.clip_norm = 1;
            t.schedule = {.rate = 2e-3, .warmup = 0.05, .decay = Decay::cosine};
            t.epochs = 30;
            t.patience = 0;
        });
    return type;
}

}  // namespace kvmem
