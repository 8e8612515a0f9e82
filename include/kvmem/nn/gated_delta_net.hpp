// A recurrent layer whose state is a matrix a head, which each row corrects: linear attention with the gated delta rule
// (kernels/delta_rule.hpp).
#pragma once

#include "kvmem/nn/layers.hpp"

#include <span>
#include <string>

namespace kvmem {

// The shape of the layer.
struct GatedDeltaNetOptions {
    Index width = 0;                     // of the input and the output
    Index heads = 1;                     // H
    Index head_key = 0, head_value = 0;  // D and E; 0: width / heads
};

// Of each row x and head (Yang, Kautz and Hatamizadeh 2024, arXiv 2412.06464, section 3.4, without its convolutions):
// the query Wq x and the key Wk x, both of length 1, the value Wv x, the decay a = s(wa x + ca) and the strength
// b = s(wb x + cb) run the delta rule, whose read is o. With s the logistic function,
//
//     out = Wo concat over the heads of (norm(o) * s(Wg x))
//
// where norm is the layer norm of a head's read. Positions need no encoding, because the memory changes row by row.
//
// Parameters: name.query.weight and name.key.weight [H*D, width], name.value.weight and name.gate.weight [H*E, width],
// name.decay and name.strength .weight [H, width] and .bias, name.norm.gain and .bias [1, E], name.out.weight
// [width, H*E]. Weights begin as Xavier's. The biases of the decays begin so that the heads forget in 8 to 512 rows,
// evenly on a logarithmic scale.
class GatedDeltaNet {
  public:
    // Throws Error when a width is not positive, or the heads do not divide what they share.
    GatedDeltaNet(Parameters& parameters, const std::string& name, const GatedDeltaNetOptions& options,
                  std::uint64_t seed);

    // The memories [N, H*D*E] of N sequences. Rows may be taken in any order (take_rows).
    struct State {
        // A row for each sequence.
        Var memory;
    };
    // The results of a run or a step, on the tape of its input.
    struct Run {
        Var out;     // [n, width]
        State last;  // after the last row of each sequence
    };

    // Sequence i is rows [offsets[i], offsets[i+1]) of x [n, width]. Without an initial state it is zero. The bits of a
    // sequence's results do not depend on the others. A tape that is training takes chunks of rows, another one the
    // recurrent form, whose bits are those of step(). All calls throw Error when shapes do not fit.
    Run operator()(Var x, std::span<const Index> offsets, const State* initial = nullptr) const;
    // One row of each of N sequences, x [N, width], at a cost that does not depend on how many came before.
    Run step(Var x, const State& state) const;
    // Zeros, for N sequences to begin with.
    State start(Tape& tape, Index sequences) const;

  private:
    Linear add_linear(Parameters& parameters, const std::string& name, Index out, std::uint64_t seed,
                      bool bias = false) const;

    GatedDeltaNetOptions options_;
    Linear query_, key_, value_, gate_, decay_, strength_;
    LayerNorm norm_;
    Linear out_;
};

}  // namespace kvmem
