// The largest scores of a row.
#pragma once

#include "kvmem/core/types.hpp"

#include <span>
#include <vector>

namespace kvmem {

// A score and the place where it stood.
struct Scored {
    // The place, from 0, and the score.
    Index index;
    Real score;
    bool operator==(const Scored&) const = default;
};

// The k largest scores, or all of fewer, largest first; equal scores come in the order of their index. NaN counts as
// -inf. One pass with a heap of k: bound by reading the scores where k is small.
[[nodiscard]] std::vector<Scored> top_k(std::span<const Real> scores, Index k);

// The same places in the same order, with the logarithm of each score's softmax, whose bits are those of log_softmax().
// The order is that of the scores: logarithms that rounding makes equal need not come in the order of their index. One
// pass over the scores, bound by the exponentials where k is small. In a row with NaN or inf all are -inf.
[[nodiscard]] std::vector<Scored> top_k_log_softmax(std::span<const Real> scores, Index k);

}  // namespace kvmem
