// The LSTM baseline of the memory networks' papers (Weston et al. 2016, arXiv 1502.05698, section 5): recurrent cells
// read the words of all slots, the last one's last, then the question's, and their last state answers.
//
//     h = cells(E x_1 .. E x_n, E q_1 .. E q_m)        the answer is the candidate y with the largest W y . h
//
// It has no memory of slots, so it tells nothing of what it read.
#pragma once

#include "kvmem/nn/recurrent.hpp"
#include "kvmem/tasks/qa/model.hpp"

#include <optional>

namespace kvmem {

struct LstmReaderConfig {
    static constexpr const char* kind = "lstm";

    Cell cell = Cell::lstm;
    Index width = 64;
    Index layers = 1;
    Index max_words = 1000;
    double dropout = 0.1;
    std::uint64_t seed = 1;
    WordSettings words{};  // how the rows of words begin

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("cell", c.cell, "rnn, lstm, gru, gru-reset-before, min-gru or min-lstm");
        field("width", c.width, Range{1, 8192}, "of the embeddings and the states");
        field("layers", c.layers, Range{1, 16}, "of cells");
        field("max_words", c.max_words, Range{1, 1e6}, "of the slots that are read, the last ones");
        field("dropout", c.dropout, Range::below(0, 1), "of embeddings and of the last state");
        field("seed", c.seed, "of every random choice");
        WordSettings::fields(c.words, field);
    }
};

class LstmReader final : public Model {
  public:
    // Throws Error when a loaded shape does not fit.
    LstmReader(const LstmReaderConfig& config, ModelWords words, std::vector<Token> candidates,
               const LoadParameter& load = {});

    Settings settings() const override { return config_; }
    std::string name() const override { return "LSTM"; }
    std::string summary() const override;
    Var loss(Tape& tape, const Batch& batch, Rng& rng) const override;
    // The trace has no hops.
    void score(Tape& tape, const Batch& batch, View scores, AttentionTrace* trace = nullptr) const override;

  private:
    Var run(Tape& tape, const Batch& batch) const;
    void grow() override;

    LstmReaderConfig config_;
    Parameter *words_, *answers_;  // E, W
    std::optional<Recurrent> cells_;
};

}  // namespace kvmem
