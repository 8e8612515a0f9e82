// The slots of a memory whose n x n keys are the pairs of two codebooks of n (Lample et al. 2019, arXiv 1907.05242,
// section 3.1): slot i * n + j has the key (first i, second j), and its score is the sum of two products.
#pragma once

#include "kvmem/core/arena.hpp"
#include "kvmem/core/matrix.hpp"
#include "kvmem/kernels/top_k.hpp"

#include <span>
#include <vector>

namespace kvmem {

// The k largest sums first[i] + second[j], or all of fewer, largest first. The index is i * second.size() + j, and of
// equal sums the lower one comes first. Sums are compared exactly and rounded afterwards; NaN counts as -inf.
//
// The i-th best of one half by the j-th best of the other has i * j pairs that precede it, itself among them. So only
// pairs with i * j <= k count, about k log k of them, and the time is that of two top_k().
[[nodiscard]] std::vector<Scored> top_k_sums(std::span<const Real> first, std::span<const Real> second, Index k);

// Codebooks of H heads, of which each has its own: [H * 2 * n, D/2], of each head the first and the second.
struct ProductKeys {
    // The keys, and H.
    ConstView codebooks;
    Index heads = 1;

    // The number n of a codebook's keys.
    [[nodiscard]] Index codebook_size() const { return codebooks.rows / (2 * heads); }
};

// The k best slots of each query, largest score first: slots [B * H * k] for queries [B * H, D], of row b the heads
// one after the other. The bits do not depend on the number of threads. Throws Error when shapes do not fit, n * n
// is less than k, or slots do not fit a Token. Bound by the products, which take O(n) of a query.
void select_product_keys(ConstView queries, const ProductKeys& keys, Index k, std::span<Token> slots, Arena& scratch);

namespace naive {
// Over all n * n slots, in double.
void select_product_keys(ConstView queries, const ProductKeys& keys, Index k, std::span<Token> slots);
}  // namespace naive

}  // namespace kvmem
