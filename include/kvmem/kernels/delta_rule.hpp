// Linear attention by the gated delta rule: a head's memory is a matrix S [D, E], which each row reads and corrects.
//
//     x_t = v_t - a_t S' k_t         the error of what the memory, decayed by a_t, has for the key
//     S  <- a_t S + b_t k_t x_t'     the error is written with the strength b_t
//     o_t = S' q_t
//
// This is S_t = (I - b_t k_t k_t') a_t S_{t-1} + b_t k_t v_t' (Schlag, Irie and Schmidhuber 2021, arXiv 2102.11174,
// section 4.2; with the decay Yang, Kautz and Hatamizadeh 2024, arXiv 2412.06464, "Gated DeltaNet"). For stable
// memories a lies from 0 to 1, b from 0 to 2, and |k| is 1 or 0.
//
// It has two forms. The recurrent one is that above, and costs the same for every row. In the other one rows are taken
// in chunks: products of whole matrices and a triangular system replace the steps within a chunk (Yang et al. 2024,
// arXiv 2406.06484, the WY representation). Chunks are faster, and agree with the recurrent form to some roundings. A
// row alone always takes the recurrent form, so that decoding has the bits of a recurrent run.
//
// Letters: n rows, N sequences, H heads, D and E the widths of a head's key and value. The bits of a sequence's results
// do not depend on the other sequences or on the number of threads. All functions throw Error when shapes do not fit.
#pragma once

#include "kvmem/core/arena.hpp"
#include "kvmem/core/matrix.hpp"

#include <span>

namespace kvmem {

// What the rule reads, or the gradients of it.
template <class V>
struct DeltaRuleArrays {
    V query = {}, key = {};       // [n, H*D]
    V value = {};                 // [n, H*E]
    V decay = {}, strength = {};  // a and b, [n, H]
    V memory = {};                // [N, H*D*E] before the first rows; empty: zeros
};
// It views all arrays. Sequence i is rows [offsets[i], offsets[i+1]).
struct DeltaRuleCall : DeltaRuleArrays<ConstView> {
    std::span<const Index> offsets = {};  // N + 1
    bool recurrent = false;               // the recurrent form for all rows
};

// The sizes of a call, and the number of chunks of all sequences.
struct DeltaRuleShape {
    // n, N, H, D, E, and the number of chunks.
    Index rows, sequences, heads, key_width, value_width, chunks;
};
// Throws Error unless all that the call views fits.
[[nodiscard]] DeltaRuleShape delta_rule_shape(const DeltaRuleCall& call);

// What forward saves for backward. It is empty where no backward pass follows.
struct DeltaRuleSaved {
    View errors = {};    // x [n, H*E]
    View memories = {};  // [chunks, H*D*E] before each chunk
};
// Room for it.
[[nodiscard]] DeltaRuleSaved delta_rule_room(const DeltaRuleCall& call, Arena& arena);

// Writes `saved`, out [n, H*E] and the memories after the last rows, last [N, H*D*E]; of an empty sequence its first.
void delta_rule(const DeltaRuleCall& call, const DeltaRuleSaved& saved, View out, View last, Arena& scratch);

// The backward pass, from what delta_rule() saved. It adds to the gradients unless they are empty. An empty grad_last
// is zero.
void delta_rule_backward(const DeltaRuleCall& call, const DeltaRuleSaved& saved, ConstView grad_out,
                         ConstView grad_last, const DeltaRuleArrays<View>& grads, Arena& scratch);

namespace naive {
// Row by row from the formula, in double.
void delta_rule(const DeltaRuleCall& call, View out, View last);
}  // namespace naive

}  // namespace kvmem
