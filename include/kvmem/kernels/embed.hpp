// Bags of tokens to vectors: sums of rows of a table (the feature map A Phi(x) of Miller et al. 2016).
#pragma once

#include "kvmem/core/arena.hpp"
#include "kvmem/core/matrix.hpp"
#include "kvmem/core/ragged.hpp"
#include "kvmem/kernels/sparse_rows.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace kvmem {

// What a bag's sum is multiplied with; n is the number of its tokens. An empty bag is zero.
enum class BagScale { sum, inverse_sqrt, mean };  // 1, 1 / sqrt(n), 1 / n

// Factors of the tokens by their places in the bag: token j of bag i is multiplied, number by number, with row
// first[i] + j of `factors` [n, d]. Without any, all are one.
struct PositionFactors {
    ConstView factors = {};
    std::span<const Index> first = {};  // of each bag
};

// What each bag's sum is added to: row row[i] of `table` [n, d]. Without any, zero.
struct StartRows {
    ConstView table = {};
    std::span<const Token> row = {};  // of each bag
};

// The position encoding of End-to-End Memory Networks (Sukhbaatar et al. 2015, section 4.1): token j of a bag of J has
// the factors l_kj = (1 - j/J) - (k/d) (1 - 2j/J) for k = 1 .. d, j counted from 1. Lies in the arena: a table for each
// length that there is.
PositionFactors position_encoding(RaggedView<Token> bags, Index width, Arena& arena);

// The same idea as the authors' program has it: token j has the factors 1 + 4 (k - (d + 1)/2) (j - (J + 1)/2) / (d J),
// where J is `words` for all bags. A word at the same place is the same in sentences of any length, and numbers are
// twice as large. Bags may be longer than J.
PositionFactors aligned_encoding(RaggedView<Token> bags, Index width, Index words, Arena& arena);

// Factors that stay as they were drawn, normal about one with this deviation: [places, width]. Words in the same place
// are alike, those in different ones the less so, the larger the deviation.
Matrix random_factors(Index places, Index width, double deviation, std::uint64_t seed);

// Throws Error unless the bags are well formed and their tokens are rows of a table of `rows` rows.
void check_bags(RaggedView<Token> bags, Index rows);

// out[i] = start[i] + factor(n_i) * sum over j of positions[i, j] * row bags[i][j] of the table.
// table [V, d], out [bags, d]. Throws Error when shapes do not fit or a token is not in the table. Bound by the latency
// of fetching rows.
void embed_sum(ConstView table, RaggedView<Token> bags, BagScale scale, View out, const PositionFactors& positions = {},
               const StartRows& start = {});

// Bags turned round: where each token is. What the way back goes through, made once for all tables that embed the same
// bags.
struct TokenLists {
    struct Entry {
        std::int32_t bag, place;  // token number `place` of that bag
    };
    RaggedView<Token> bags;
    Index rows = 0;                  // of the tables
    std::span<const Token> tokens;   // each that there is, rising
    std::span<const Index> offsets;  // of their entries
    std::span<const Entry> entries;  // those of a token in an order that follows from the bags alone
};
// Throws Error as check_bags does. Lies in the arena. Linear in the tokens (a radix sort).
TokenLists list_tokens(RaggedView<Token> bags, Index rows, Arena& arena);

// Adds factor(n_i) * positions[i, j] * grad_out[i] to the rows bags[i][j] of `grad_table`, but not to those that are
// `frozen` (by row; empty: none). What the start rows are given is grad_out itself. With positions, the scale must be
// BagScale::sum.
void embed_sum_backward(const TokenLists& lists, BagScale scale, ConstView grad_out, SparseRows& grad_table,
                        Arena& scratch, const std::vector<bool>& frozen = {}, const PositionFactors& positions = {});

// A gradient [S, d] that was never written out: row s is the sum over the terms of weight[s] times row i of their
// vectors [N, d], where s is of the i-th segment, [offsets[i], offsets[i+1]). Lookups of one query a segment give such
// ones to keys and values.
struct OuterProducts {
    struct Term {
        std::span<const Real> weight;
        ConstView vectors;
    };
    std::span<const Index> offsets;  // N + 1
    std::span<const Term> terms;
};
// grad [S, d] += the gradient written out. Throws Error when shapes do not fit.
void add_outer_products(const OuterProducts& products, View grad);

// The way back from such a gradient of the bags' sums. Bound by the rows of `grad_table`: what they are given is made
// from a few vectors in the first-level cache. Throws Error when shapes do not fit.
void embed_sum_backward(const TokenLists& lists, BagScale scale, const OuterProducts& grad_out, SparseRows& grad_table,
                        Arena& scratch, const std::vector<bool>& frozen = {});

namespace naive {
// Straight from the formula.
void embed_sum(ConstView table, RaggedView<Token> bags, BagScale scale, View out, const PositionFactors& positions = {},
               const StartRows& start = {});
}  // namespace naive

}  // namespace kvmem
