// Recurrent networks: cells in layers, in one direction or both, over sequences of any lengths, whole or step by step.
#pragma once

#include "kvmem/nn/layers.hpp"

#include <array>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

inline std::span<const char* const> choices(Cell) {
    static constexpr std::array names{"rnn", "lstm", "gru", "gru-reset-before", "min-gru", "min-lstm"};
    return names;
}

// The shape and the cell of a network. The constructor of Recurrent checks it.
struct RecurrentOptions {
    // The kind of all cells.
    Cell cell = Cell::lstm;
    // The widths of an input row and of a state, d. Both must be positive.
    Index in = 0, width = 0;
    Index layers = 1;
    bool bidirectional = false;
    double dropout = 0;            // of the outputs between layers, while the tape is training
    double recurrent_dropout = 0;  // of h where the next step's gates read it: one mask for all steps of a sequence
    // Of the LSTM (kernels/recurrent.hpp):
    bool peepholes = false, layer_norm = false;
    Index projection = 0;    // the width of h; 0: no projection
    double forget_bias = 1;  // the bias of the forget gate at the start
};

// Each layer reads the outputs of the one below, of both directions side by side. The cells and the order of their
// gates are those of kernels/recurrent.hpp.
//
// Parameters of layer l, P being name.l, or name.l.forwards and name.l.backwards, with G gates of d units and h [w]:
// P.input.weight [G*d, in] and P.input.bias [1, G*d]; P.recurrent.weight [G*d, w], unless the cell is minimal;
// P.reset.bias [1, d] of the GRU that resets after; P.peepholes [3, d]; P.projection.weight [w, d]. With layer
// normalisation the input's products are normalised, too: P.input.norm.gain and .bias [1, 4*d], which is instead of
// P.input.bias; P.recurrent.norm.gain [1, 4*d]; P.cell.norm.gain and .bias [1, d].
//
// Input weights begin as Xavier's, a gate at a time; recurrent ones as an orthogonal matrix for each gate; gains at
// one; peepholes and biases at zero, but for the forget gate of the LSTM.
class Recurrent {
  public:
    // Throws Error when a width is not positive, a rate is not from 0 to below 1, or the cell does not have an option.
    Recurrent(Parameters& parameters, const std::string& name, const RecurrentOptions& options, std::uint64_t seed);

    // The state of N sequences. All have a matrix for each layer, and in it for each direction. Rows may be taken in
    // any order (take_rows of each matrix).
    struct State {
        std::vector<Var> h;          // [N, w]
        std::vector<Var> c = {};     // [N, d], of LSTMs
        std::vector<Var> mask = {};  // [N, w], of recurrent dropout; empty: drawn by the next run or step that trains
        // The weights as products read them. Empty: the next run or step packs them, for this pass of the tape.
        std::vector<const RecurrentPacked*> packed = {};
    };
    // The results of a run or a step, on the tape of its input.
    struct Run {
        Var out;     // [n, out_width()]: of the last layer, forwards before backwards
        State last;  // after the last row of each sequence, backwards after its first; of an empty one the initial one
    };

    // Sequence i is rows [offsets[i], offsets[i+1]) of x [n, in]: in any order of lengths, empty ones too. Without an
    // initial state it is zero. The bits of a sequence's results do not depend on the others, but for dropout. All
    // calls throw Error when shapes do not fit.
    Run operator()(Var x, std::span<const Index> offsets, const State* initial = nullptr) const;
    // One step of N sequences, x [N, in], of a network in one direction (Error otherwise): the bits of the same row in
    // a whole run, but for dropout between layers. It is differentiated like a run.
    Run step(Var x, const State& state) const;
    // For State::packed, of steps on tapes that are not training: as long as the arena, and the weights do not change.
    std::vector<const RecurrentPacked*> pack(Arena& arena) const;
    // Zeros, for N sequences to begin with.
    State start(Tape& tape, Index sequences) const;

    // The width of a row of Run::out: that of h, times the number of directions.
    Index out_width() const { return directions() * state_width(); }
    // The options that the network was made with.
    const RecurrentOptions& options() const { return options_; }
    // The weights of a layer in one direction, null where it has none. Throws Error when there is no such layer.
    [[nodiscard]] const RecurrentMatrices<Parameter*>& weights(Index layer,
                                                               Direction direction = Direction::forwards) const;

  private:
    // One layer in one direction. Null: it has no such parameter.
    struct Layer {
        Parameter *input_gain, *input_bias;
        RecurrentMatrices<Parameter*> weights;
    };
    Layer add_layer(Parameters& parameters, const std::string& name, Index in, std::uint64_t seed) const;
    Index directions() const { return options_.bidirectional ? 2 : 1; }
    Index state_width() const { return options_.projection > 0 ? options_.projection : options_.width; }
    void require_state(const Tape& tape, const State& state, Index sequences) const;
    State begin(Tape& tape, Index sequences, const State* initial) const;
    RecurrentOutput run_layer(std::size_t at, Var x, std::span<const Index> offsets, const State& state) const;

    RecurrentOptions options_;
    std::vector<Layer> layers_;  // of each layer its directions
};

}  // namespace kvmem
