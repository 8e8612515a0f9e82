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

// The factor of a bag's sum, where n is the number of its tokens. An empty bag is zero.
enum class BagScale { sum, inverse_sqrt, mean };  // 1, 1 / sqrt(n), 1 / n

// Factors of the tokens by their positions in the bag: token j of bag i is multiplied elementwise with row first[i] + j
// of `factors` [n, d]. Without factors all are one.
struct PositionFactors {
    // The rows of factors.
    ConstView factors = {};
    std::span<const Index> first = {};  // of each bag
};

// Where each bag's sum starts: at row row[i] of `table` [n, d], or at zero without a table.
struct StartRows {
    // The rows to start with.
    ConstView table = {};
    std::span<const Token> row = {};  // of each bag
};

// The position encoding of End-to-End Memory Networks (Sukhbaatar et al. 2015, section 4.1): token j of a bag of J has
// the factors l_kj = (1 - j/J) - (k/d) (1 - 2j/J) for k = 1 .. d, with j counted from 1. The result holds a table for
// each length of a bag and lies in the arena.
[[nodiscard]] PositionFactors position_encoding(RaggedView<Token> bags, Index width, Arena& arena);

// The position encoding of the same authors' program: token j has the factors 1 + 4 (k - (d + 1)/2) (j - (J + 1)/2) /
// (d J), where J is `words` for all bags. A word at one position has the same factors in sentences of any length, and
// they are twice as large. Bags may be longer than J. The result lies in the arena.
[[nodiscard]] PositionFactors aligned_encoding(RaggedView<Token> bags, Index width, Index words, Arena& arena);

// Random factors [places, width], normal about one with this deviation, that are not trained. The larger the deviation,
// the less the words of different positions resemble each other.
[[nodiscard]] Matrix random_factors(Index places, Index width, double deviation, std::uint64_t seed);

// Throws Error unless the bags are well formed and their tokens are rows of a table of `rows` rows.
void check_bags(RaggedView<Token> bags, Index rows);

// out[i] = start[i] + factor(n_i) * sum over j of positions[i, j] * row bags[i][j] of the table. table [V, d], out
// [bags, d]. A bag's bits do not depend on the other bags. Long bags are summed in blocks of 1,024 tokens, because a
// large sum would lose what is added to it. Throws Error when shapes do not fit or a token is not in the table. Bound
// by the latency of fetching rows.
void embed_sum(ConstView table, RaggedView<Token> bags, BagScale scale, View out, const PositionFactors& positions = {},
               const StartRows& start = {});

// An inverted index of bags, by token. The backward pass goes through it; one index serves all tables that embed the
// same bags. It views the bags and an arena.
struct TokenLists {
    // A place where a token stands.
    struct Entry {
        std::int32_t bag, place;  // token number `place` of that bag
    };
    // The bags of the index.
    RaggedView<Token> bags;
    Index rows = 0;                  // of the tables
    std::span<const Token> tokens;   // the distinct tokens, rising
    std::span<const Index> offsets;  // of each token's entries
    std::span<const Entry> entries;  // of each token, in an order that follows from the bags alone
};
// The index lies in the arena. Throws Error as check_bags() does. Linear in the tokens (a radix sort).
[[nodiscard]] TokenLists list_tokens(RaggedView<Token> bags, Index rows, Arena& arena);

// Adds factor(n_i) * positions[i, j] * grad_out[i] to row bags[i][j] of `grad_table`, except where frozen[row] holds
// (empty: nowhere). The gradient of the start rows is grad_out itself. With positions, the scale must be BagScale::sum.
void embed_sum_backward(const TokenLists& lists, BagScale scale, ConstView grad_out, SparseRows& grad_table,
                        Arena& scratch, const std::vector<bool>& frozen = {}, const PositionFactors& positions = {});

// A low-rank gradient [S, d]: row s is the sum over the terms of weight[s] times row i of the term's vectors [N, d],
// where s lies in segment i, [offsets[i], offsets[i+1]). Keys and values get such gradients where a segment has one
// query.
struct OuterProducts {
    // One outer product for each segment.
    struct Term {
        // The weights [S] and the vectors [N, d].
        std::span<const Real> weight;
        ConstView vectors;
    };
    std::span<const Index> offsets;  // N + 1
    // The products that are added.
    std::span<const Term> terms;
};
// Adds the low-rank gradient to grad [S, d]. Throws Error when shapes do not fit.
void add_outer_products(const OuterProducts& products, View grad);

// The backward pass from a low-rank gradient of the bags' sums, which stay in the first-level cache: bound by the rows
// of `grad_table`. Throws Error when shapes do not fit.
void embed_sum_backward(const TokenLists& lists, BagScale scale, const OuterProducts& grad_out, SparseRows& grad_table,
                        Arena& scratch, const std::vector<bool>& frozen = {});

// A weight for each token: out[i] is the sum over the tokens s of bag i of weights[s] times row tokens[s] of the table
// [V, d]. Throws Error as embed_sum() does. Bound by the latency of fetching rows.
void embed_weighted(ConstView table, RaggedView<Token> bags, std::span<const Real> weights, View out);
// out[s] = x[i] . row tokens[s] of the table for each token s of bag i, with x [bags, d]. Each of these two functions
// is the backward pass of the other; the table's gradient is one of OuterProducts. Throws Error as embed_sum() does.
void dot_rows(ConstView x, ConstView table, RaggedView<Token> bags, std::span<Real> out);

namespace naive {
// Straight from the formula.
void embed_sum(ConstView table, RaggedView<Token> bags, BagScale scale, View out, const PositionFactors& positions = {},
               const StartRows& start = {});
}  // namespace naive

}  // namespace kvmem
