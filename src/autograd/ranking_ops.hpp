// Operations of models that rank items for histories. Not installed.
//
// What kvmem/autograd/ops.hpp says of all operations holds: shapes that do not fit throw Error with nothing recorded,
// and what is viewed is copied to the tape. Both run on one thread, in the order of their ranges and pairs.
#pragma once

#include "kvmem/autograd/tape.hpp"

#include <span>

namespace kvmem {

// Rows [first, end).
struct RowRange {
    Index first = 0, end = 0;
    bool operator==(const RowRange&) const = default;
};
// The mean of each range of rows of x [n, d]: [ranges, d]; zeros for an empty one. A range that begins with the one
// before it, and ends no earlier, costs the rows alone that it has more: so all prefixes of a segment cost its rows.
// (segment_ops.cpp)
[[nodiscard]] Var range_mean(Var x, std::span<const RowRange> ranges);

// A query that is to score one item above another: rows of matrices.
struct RankedPair {
    Index query = 0, better = 0, worse = 0;
};
// Sum over the pairs of -log sigmoid(s(better) - s(worse)), with s(i) = query . items[i] + bias[i] (BPR, Rendle et al.
// 2009), of queries [Q, d], items [n, d] and bias [n, 1]: [1, 1]. (loss_ops.cpp)
[[nodiscard]] Var pairwise_loss(Var queries, Var items, Var bias, std::span<const RankedPair> pairs);

}  // namespace kvmem
