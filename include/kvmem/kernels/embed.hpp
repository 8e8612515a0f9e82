// Bags of tokens to vectors: sums of rows of a table (the feature map A Phi(x) of Miller et al. 2016).
#pragma once

#include "kvmem/core/matrix.hpp"
#include "kvmem/core/ragged.hpp"
#include "kvmem/kernels/sparse_rows.hpp"

#include <vector>

namespace kvmem {

// What a bag's sum is multiplied with; n is the number of its tokens. An empty bag is zero.
enum class BagScale { sum, inverse_sqrt, mean };  // 1, 1 / sqrt(n), 1 / n

// Throws Error unless the bags are well formed and their tokens are rows of a table of `rows` rows.
void check_bags(RaggedView<Token> bags, Index rows);

// out[i] = factor(n_i) * sum of the table's rows bags[i].   table [V, d], out [bags, d]
// Throws Error when shapes do not fit or a token is not in the table. Bound by the latency of fetching rows.
void embed_sum(ConstView table, RaggedView<Token> bags, BagScale scale, View out);

// Adds factor(n_i) * grad_out[i] to the rows bags[i] of `grad_table`, but not to those that are `frozen` (by row;
// empty: none).
void embed_sum_backward(RaggedView<Token> bags, BagScale scale, ConstView grad_out, SparseRows& grad_table,
                        const std::vector<bool>& frozen = {});

}  // namespace kvmem
