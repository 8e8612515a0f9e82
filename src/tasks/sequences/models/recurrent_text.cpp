#include "kvmem/tasks/sequences/models/recurrent_text.hpp"

#include "kvmem/core/error.hpp"
#include "tasks/sequences/model_type.hpp"
#include "tasks/sequences/recurrent_states.hpp"

#include <algorithm>

namespace kvmem {

RecurrentText::RecurrentText(const RecurrentTextConfig& config, SequenceUnits units, Start start)
    : TextNetwork(std::move(units.target), start), config_(validated(config)) {
    const RecurrentTextConfig& c = config_;
    table_.emplace(parameters_, "target", target_units().size(), c.embedding, 0.1, c.seed);
    RecurrentOptions options{.cell = c.cell, .in = c.embedding, .width = c.width, .layers = c.layers};
    options.dropout = c.dropout;
    options.recurrent_dropout = c.recurrent_dropout;
    cells_.emplace(parameters_, "cells", options, c.seed);
    out_.emplace(parameters_, "out", c.width, target_units().size(), c.seed);
}

std::string RecurrentText::summary() const {
    return "A recurrent language model (" + std::string(choices(config_.cell)[static_cast<std::size_t>(config_.cell)]) +
           ") of width " + std::to_string(config_.width) + " with " + std::to_string(config_.layers) + " layer(s)";
}

Var RecurrentText::embed(Tape& tape, std::span<const Token> tokens) const {
    return dropout((*table_)(tape, tokens), config_.dropout);
}

Var RecurrentText::continuation_loss(Tape& tape, RaggedView<Token> pieces, std::span<const Index> context) const {
    require_shape(std::ssize(context) == pieces.size(), "RecurrentText::continuation_loss", "a context for each piece");
    std::vector<Token> inputs;
    std::vector<Index> offsets{0}, rows, targets;  // rows whose next symbols count
    for (Index i = 0; i < pieces.size(); ++i) {
        const std::span<const Token> piece = pieces[i];
        for (Index t = 0; t + 1 < std::ssize(piece); ++t) {
            if (t + 1 >= context[i]) {
                rows.push_back(std::ssize(inputs));
                targets.push_back(piece[t + 1]);
            }
            inputs.push_back(piece[t]);
        }
        offsets.push_back(std::ssize(inputs));
    }
    Var states = (*cells_)(embed(tape, inputs), offsets).out;
    if (std::ssize(rows) < states.rows()) states = take_rows(states, rows);
    return cross_entropy(scores(states), targets);
}

// --- generation

class RecurrentText::Steps final : public Decoding {
  public:
    Steps(const RecurrentText& model, Index rows) : model_(model), states_(*model.cells_) {
        tape_.set_training(false);
        tape_.use(model.packed());
        states_.store(model.cells_->start(tape_, rows));
    }

    Index vocabulary() const override { return model_.target_units().size(); }

    void step(std::span<const Token> tokens, View log_probabilities) override {
        tape_.reset();
        const Recurrent::Run run = model_.cells_->step(model_.embed(tape_, tokens), states_.cells(tape_));
        std::ranges::copy(log_softmax(model_.scores(run.out)).value().span(), log_probabilities.span().begin());
        states_.store(run.last);
    }
    void reorder(std::span<const Index> rows) override { states_.reorder(rows); }

  private:
    const RecurrentText& model_;
    Tape tape_;
    RecurrentStates states_;
};

std::unique_ptr<Decoding> RecurrentText::begin(RaggedView<Token> sources) const {
    return std::make_unique<Steps>(*this, sources.size());
}

const SequenceModelType& recurrent_text() {
    static const auto type = sequence_model_type<RecurrentText, RecurrentTextConfig>(
        "a recurrent language model (Mikolov et al. 2010)", [](TrainerOptions& t) {
            t.epochs = 10;
            t.batch = 32;
            t.shards = 2;  // as in seq2seq.cpp
            t.optimizer.clip_norm = 1;
            t.schedule = {.rate = 2e-3, .warmup = 0.02, .decay = Decay::cosine};
        });
    return type;
}

}  // namespace kvmem
