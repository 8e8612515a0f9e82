#include "kvmem/tasks/sequences/models/recurrent_text.hpp"

#include "kvmem/core/error.hpp"
#include "tasks/sequences/model_type.hpp"
#include "tasks/sequences/network_decoding.hpp"
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

Var RecurrentText::states(Tape& tape, RaggedView<Token> texts) const {
    return (*cells_)(embed(tape, texts.values), texts.offsets).out;
}

// --- generation

class RecurrentText::Steps final : public NetworkDecoding {
  public:
    Steps(const RecurrentText& model, Index rows) : NetworkDecoding(model), model_(model), states_(*model.cells_) {
        states_.store(model.cells_->start(tape_, rows));
    }

    Index vocabulary() const override { return model_.target_units().size(); }

    bool step_scores(std::span<const Token> tokens, View scores) override {
        tape_.reset();
        const Recurrent::Run run = model_.cells_->step(model_.embed(tape_, tokens), states_.cells(tape_));
        output_states_ = run.out.value();
        std::ranges::copy(model_.scores(run.out).value().span(), scores.span().begin());
        states_.store(run.last);
        return false;
    }
    ConstView states() const override { return output_states_; }
    void reorder(std::span<const Index> rows) override { states_.reorder(rows); }
    void add(RaggedView<Token> sources) override { states_.add(model_.cells_->start(tape_, sources.size())); }

  private:
    const RecurrentText& model_;
    RecurrentStates states_;
    ConstView output_states_;  // of the last step, on its tape
};

std::unique_ptr<Decoding> RecurrentText::begin(RaggedView<Token> sources) const {
    return std::make_unique<Steps>(*this, sources.size());
}

const SequenceModelType& recurrent_text() {
    static const auto type = SequenceModelType::of<RecurrentText, RecurrentTextConfig>(
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
