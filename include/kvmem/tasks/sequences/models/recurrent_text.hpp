// Recurrent language models: p(y_t | y_1 .. y_{t-1}) = softmax(W h_t + b), h = cells(E y) (Mikolov et al. 2010).
#pragma once

#include "kvmem/nn/layers.hpp"
#include "kvmem/nn/recurrent.hpp"
#include "kvmem/tasks/sequences/model.hpp"

#include <optional>
#include <vector>

namespace kvmem {

struct RecurrentTextConfig {
    static constexpr const char* kind = "recurrent-text";

    Cell cell = Cell::lstm;
    Index width = 512;
    Index embedding = 128;
    Index layers = 1;
    Index piece = 128;
    double dropout = 0.2;
    double recurrent_dropout = 0;
    std::uint64_t seed = 1;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("cell", c.cell, "rnn, lstm, gru, gru-reset-before, min-gru or min-lstm");
        field("width", c.width, Range{1, 8192}, "of the states");
        field("embedding", c.embedding, Range{1, 8192}, "width of a symbol's vector");
        field("layers", c.layers, Range{1, 16}, "of cells");
        field("piece", c.piece, Range{1, 65536}, "symbols of the text that are read together in training");
        field("dropout", c.dropout, Range::below(0, 1), "of embeddings, between layers and before the output");
        field("recurrent_dropout", c.recurrent_dropout, Range::below(0, 1), "of states, with one mask over time");
        field("seed", c.seed, "of every random choice");
    }
};

class RecurrentText final : public TextNetwork {
  public:
    // Draws the first parameters from the seed, or has zeros to be filled. Throws Error as Recurrent does.
    RecurrentText(const RecurrentTextConfig& config, SequenceUnits units, Start start = Start::drawn);

    Settings settings() const override { return config_; }
    std::string name() const override { return "recurrent language model"; }
    std::string summary() const override;
    Index piece_length() const override { return config_.piece; }
    Var states(Tape& tape, RaggedView<Token> texts) const override;
    Var scores(Var states) const override { return (*out_)(dropout(states, config_.dropout)); }
    std::unique_ptr<Decoding> begin(RaggedView<Token> sources) const override;
    // The step alone. Throws Error for the minimal cells, which ONNX lacks.
    std::vector<OnnxModel> onnx() const override;

  private:
    class Steps;  // the Decoding

    Var embed(Tape& tape, std::span<const Token> tokens) const;

    RecurrentTextConfig config_;
    std::optional<Embedding> table_;
    std::optional<Recurrent> cells_;
    std::optional<Linear> out_;
};

}  // namespace kvmem
