// Recurrent encoder-decoders with and without attention (Sutskever et al. 2014; Bahdanau et al. 2015; Luong et al.
// 2015).
//
// Letters: x source symbols, y target symbols, m_j the encoder's output at x_j, a slot of the key-value memory that the
// decoder reads by attend(), h_t the decoder's state, E embeddings.
//
//     m = encoder(E x)                                    one direction, or two side by side
//     additive (Bahdanau):  c_t = sum_j softmax_j(v . tanh(Q h_{t-1} + K m_j)) m_j
//                           h_t = cell([E y_{t-1}; c_t], h_{t-1})        r_t = tanh(R [h_t; c_t; E y_{t-1}])
//     dot, general, concat (Luong):
//                           h_t = cell([E y_{t-1}; r_{t-1}], h_{t-1})    r_{t-1} with input feeding alone
//                           c_t = sum_j softmax_j(score(h_t, m_j)) m_j   r_t = tanh(R [h_t; c_t])
//         score             h_t . P m_j  |  G h_t . m_j  |  v . tanh(Q h_t + K m_j)
//     none (Sutskever):     h_t = cell(E y_{t-1}, h_{t-1})               r_t = h_t
//     p(y_t) = softmax(W r_t + b)
//
// With `copy` the attention is a pointer, too (See et al. 2017, eq. 8 and 9): p(y_t) is a mixture of that softmax, with
// the share sigmoid(w . [h_t; c_t; ..]), and of the attention weights, each of which counts for the target symbol with
// its source symbol's text, or for unknown_token without one.
//
// The decoder begins with a linear map of the encoder's last states of the same layer, or of its last layer; h has a
// tanh behind it. States pass as they are where the shapes are equal, as in Sutskever et al. 2014. P is a map to the
// decoder's width, and the identity where the memory has that width.
#pragma once

#include "kvmem/nn/layers.hpp"
#include "kvmem/nn/recurrent.hpp"
#include "kvmem/tasks/sequences/model.hpp"

#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

namespace kvmem {

// How the decoder scores a slot of the encoder's memory.
enum class SequenceAttention { none, additive, dot, general, concat };
inline std::span<const char* const> choices(SequenceAttention) {
    static constexpr const char* names[] = {"none", "additive", "dot", "general", "concat"};
    return names;
}

struct Seq2SeqConfig {
    static constexpr const char* kind = "seq2seq";

    Cell cell = Cell::lstm;
    SequenceAttention attention = SequenceAttention::additive;
    Index width = 256;
    Index embedding = 128;
    Index encoder_layers = 1, decoder_layers = 1;
    bool bidirectional = true;
    bool input_feeding = true;
    bool copy = false;
    bool tied = false;
    double dropout = 0.3;
    double recurrent_dropout = 0;
    double label_smoothing = 0.1;
    std::uint64_t seed = 1;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("cell", c.cell, "rnn, lstm, gru, gru-reset-before, min-gru or min-lstm");
        field("attention", c.attention, "to the source: none, additive, dot, general or concat");
        field("width", c.width, Range{1, 8192}, "of the decoder, and of each direction of the encoder");
        field("embedding", c.embedding, Range{1, 8192}, "width of a symbol's vector");
        field("encoder_layers", c.encoder_layers, Range{1, 16}, "of the encoder");
        field("decoder_layers", c.decoder_layers, Range{1, 16}, "of the decoder");
        field("bidirectional", c.bidirectional, "read the source from both ends");
        field("input_feeding", c.input_feeding,
              "with attention dot, general or concat: the next step sees what was read");
        field("copy", c.copy,
              "symbols of the source that the target has, too, may be copied from where the attention points");
        field("tied", c.tied, "one table for target symbols and for the scores of the output");
        field("dropout", c.dropout, Range::below(0, 1), "of embeddings, between layers and before the output");
        field("recurrent_dropout", c.recurrent_dropout, Range::below(0, 1), "of states, with one mask over time");
        field("label_smoothing", c.label_smoothing, Range::below(0, 1),
              "share of the target that all symbols share; not with copy");
        field("seed", c.seed, "of every random choice");
    }
    // Throws UsageError for settings that do not fit together.
    void check() const;
};

class Seq2Seq final : public SequenceNetwork {
  public:
    // Draws the first parameters from the seed, or has zeros to be filled. Throws Error as Recurrent does.
    Seq2Seq(const Seq2SeqConfig& config, SequenceUnits units, Start start = Start::drawn);

    Settings settings() const override { return config_; }
    std::string name() const override { return "recurrent encoder-decoder"; }
    std::string summary() const override;
    Var loss(Tape& tape, RaggedView<Token> source, RaggedView<Token> target) const override;
    std::unique_ptr<Decoding> begin(RaggedView<Token> sources) const override;
    // Throws Error for the minimal cells, which ONNX lacks.
    std::vector<OnnxModel> onnx() const override;

  private:
    class Steps;   // the Decoding
    class Graphs;  // of onnx()
    // The memory of some sources, for the decoder: keys as the scores need them.
    struct Memory {
        Var key, value;
    };
    struct State {
        Recurrent::State cells;
        std::optional<Var> read;  // r, with input feeding
    };
    struct Encoded {
        Memory memory;
        State state;
    };
    // Which rows of a step read which slots, and where the attention weights go: room for them on a tape that does not
    // train.
    struct Lookups {
        Segments segments;
        std::span<Real> weights = {};
    };
    struct StepOutput {
        Var read{};  // r
        // With `copy`: the gate before its sigmoid, and in training the attention weights.
        std::optional<Var> gate{}, weights{};
    };

    Encoded encode(Tape& tape, RaggedView<Token> source) const;
    Var map_state(const std::vector<Var>& last, std::span<const Linear> maps, Index layer) const;
    Var embed(Tape& tape, const Embedding& table, std::span<const Token> tokens) const;
    Var read_memory(Var state, const Memory& memory, const Lookups& lookups, StepOutput& out) const;
    StepOutput step(Var input, State& state, const Memory& memory, const Lookups& lookups) const;
    Var read_out(StepOutput& out, std::initializer_list<Var> parts) const;
    Var scores(Var read) const;
    std::vector<Token> copied_tokens(std::span<const Token> source) const;
    bool is_luong() const;
    bool feeds_input() const { return is_luong() && config_.input_feeding; }

    Seq2SeqConfig config_;
    std::optional<Embedding> source_table_, target_table_;
    std::optional<Recurrent> encoder_, decoder_;
    std::vector<Linear> first_h_, first_c_;  // of each layer of the decoder; none where states pass as they are
    std::optional<Linear> query_, key_, readout_, gate_, out_;
    Parameter* direction_ = nullptr;  // v
    Parameter* out_bias_ = nullptr;   // of tied tables
    std::vector<Token> copies_;       // with `copy`: the target token of each source token
};

}  // namespace kvmem
