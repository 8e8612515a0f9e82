#include "kvmem/tasks/selection/models/bi_encoder.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/nn/layers.hpp"
#include "nn/row_ops.hpp"
#include "tasks/selection/model_type.hpp"
#include "tasks/selection/models/word_inputs.hpp"

#include <vector>

namespace kvmem {

void BiEncoder::add_comparison(Index encoded, Index hidden, double dropout, std::uint64_t seed) {
    hidden_.emplace(parameters_, "compare", 4 * encoded, hidden, seed);
    out_.emplace(parameters_, "score", hidden, 1, seed, LinearOptions{.bias = false});
    dropout_ = dropout;
}

Var BiEncoder::scores(Tape& tape, std::span<const ReadQuestion* const> questions) const {
    const WordInputs in = word_inputs(tape, questions, lexicon(), "BiEncoder");
    const Var words = drop_rows(concat_cols({take_rows(in.vectors, in.rows), in.matches}), dropout_);
    const Var rows = encode(words, in.sequences);
    const Var texts =
        dropout(concat_cols({segment_max(rows, in.sequences), segment_mean(rows, in.sequences)}), dropout_);
    const Var asked = take_rows(slice_rows(texts, 0, in.questions()), in.question_of);
    const Var candidates = slice_rows(texts, in.questions(), in.candidates());
    const Var apart = asked - candidates;
    return (*out_)(tanh((*hidden_)(concat_cols({asked * candidates, apart * apart}))));
}

// --- lstm

LstmEncoder::LstmEncoder(const LstmEncoderConfig& config, SentenceLexicon lexicon, Start start)
    : BiEncoder(std::move(lexicon), start), config_(validated(config)) {
    cells_.emplace(parameters_, "cells",
                   RecurrentOptions{.cell = config_.cell,
                                    .in = input_width(),
                                    .width = config_.width,
                                    .layers = config_.layers,
                                    .bidirectional = true,
                                    .dropout = config_.dropout},
                   config_.seed);
    add_comparison(cells_->out_width(), config_.hidden, config_.dropout, config_.seed);
}

std::string LstmEncoder::summary() const {
    return "An encoder of recurrent cells (" +
           std::string(choices(config_.cell)[static_cast<std::size_t>(config_.cell)]) + ") of width " +
           std::to_string(config_.width) + " in both directions";
}

Var LstmEncoder::encode(Var words, std::span<const Index> offsets) const { return (*cells_)(words, offsets).out; }

const SelectionModelType& lstm_encoder() {
    static const SelectionModelType type = SelectionModelType::of<LstmEncoder, LstmEncoderConfig>(
        "of sentences: recurrent cells encode the question and each candidate, and the two are compared",
        [](TrainerOptions& t) {
            usual_training(t);
            t.optimizer.clip_norm = 1;
        });
    return type;
}

// --- transformer

void TransformerEncoderConfig::check() const {
    require_option(width % heads == 0, "heads", "a number that divides the width");
    require_option(positions != Positions::learned, "positions", "others than learned, for texts of any length");
    require_option(positions != Positions::rotary || width / heads % 2 == 0, "heads",
                   "an even width of a head for rotary positions");
}

TransformerEncoder::TransformerEncoder(const TransformerEncoderConfig& config, SentenceLexicon lexicon, Start start)
    : BiEncoder(std::move(lexicon), start), config_(validated(config)) {
    in_.emplace(parameters_, "in", input_width(), config_.width, config_.seed);
    stack_.emplace(parameters_, "encoder",
                   TransformerOptions{.width = config_.width,
                                      .heads = config_.heads,
                                      .layers = config_.layers,
                                      .positions = config_.positions,
                                      .dropout = config_.dropout},
                   config_.seed);
    add_comparison(config_.width, config_.hidden, config_.dropout, config_.seed);
}

std::string TransformerEncoder::summary() const {
    return "A Transformer's encoder of width " + std::to_string(config_.width) + " with " +
           std::to_string(config_.layers) + (config_.layers == 1 ? " layer" : " layers");
}

Var TransformerEncoder::encode(Var words, std::span<const Index> offsets) const {
    return (*stack_)((*in_)(words), offsets).out;
}

const SelectionModelType& transformer_encoder() {
    static const SelectionModelType type = SelectionModelType::of<TransformerEncoder, TransformerEncoderConfig>(
        "of sentences: a Transformer encodes the question and each candidate, and the two are compared",
        [](TrainerOptions& t) {
            usual_training(t);
            t.schedule = {.rate = 0.004, .warmup = 0.1, .decay = Decay::linear};
            t.optimizer.clip_norm = 1;
        });
    return type;
}

}  // namespace kvmem
