#include "kvmem/kernels/product_keys.hpp"

#include "kernels/multiply.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kvmem {

namespace {
// high + low is a sum of two numbers without rounding (Knuth 1997, section 4.2.2, theorem B).
struct ExactSum {
    Real high, low;
    Index slot;

    ExactSum(Real a, Real b, Index at) : high(a + b), low(0), slot(at) {
        const Real of_b = high - a;
        if (std::isfinite(high)) low = (a - (high - of_b)) + (b - of_b);
        if (high != high) high = -std::numeric_limits<Real>::infinity();
    }
    bool precedes(const ExactSum& other) const {
        if (high != other.high) return high > other.high;
        return low != other.low ? low > other.low : slot < other.slot;
    }
};
}  // namespace

std::vector<Scored> top_k_sums(std::span<const Real> first, std::span<const Real> second, Index k) {
    const std::vector<Scored> rows = top_k(first, k), cols = top_k(second, k);
    std::vector<ExactSum> sums;
    for (Index i = 0; i < std::ssize(rows); ++i)
        for (Index j = 0; j < std::min(std::ssize(cols), k / (i + 1)); ++j)
            sums.emplace_back(rows[i].score, cols[j].score, rows[i].index * std::ssize(second) + cols[j].index);
    const Index count = std::clamp<Index>(k, 0, std::ssize(sums));
    std::partial_sort(sums.begin(), sums.begin() + count, sums.end(),
                      [](const ExactSum& a, const ExactSum& b) { return a.precedes(b); });
    std::vector<Scored> best;
    for (Index i = 0; i < count; ++i) best.push_back({sums[i].slot, sums[i].high});
    return best;
}

static void check(ConstView queries, const ProductKeys& keys, Index k, std::span<Token> slots) {
    constexpr const char* here = "select_product_keys";
    require_shape(keys.heads >= 1 && keys.codebooks.cols >= 1 && keys.codebooks.rows % (2 * keys.heads) == 0 &&
                      queries.rows % keys.heads == 0 && queries.cols == 2 * keys.codebooks.cols,
                  here, "queries [B * H, D] and codebooks [H * 2 * n, D/2]");
    constexpr Index max_size = 46340;  // its square is a Token
    const Index n = keys.codebook_size();
    require_shape(n <= max_size && k >= 1 && k <= n * n, here,
                  "codebooks of at most 46,340 keys, and k from 1 to n * n");
    require_shape(std::ssize(slots) == queries.rows * k, here, "room for k slots of each query");
}

void select_product_keys(ConstView queries, const ProductKeys& keys, Index k, std::span<Token> slots, Arena& scratch) {
    check(queries, keys, k, slots);
    constexpr Index block = 256;  // queries of one head, whose scores fit the second-level cache
    const ArenaScope scope(scratch);
    const Index n = keys.codebook_size(), half = keys.codebooks.cols, heads = keys.heads, count = queries.rows / heads;
    const View scores = scratch.matrix(2 * std::min(block, count), n);
    for (Index h = 0; h < heads; ++h)
        for (Index first = 0; first < count; first += block) {
            const Index rows = std::min(block, count - first);
            for (Index side = 0; side < 2; ++side)
                detail::multiply({.rows = rows,
                                  .cols = n,
                                  .depth = half,
                                  .a = queries.row(first * heads + h) + side * half,
                                  .a_row = heads * queries.cols,
                                  .a_step = 1,
                                  .b = keys.codebooks.row((2 * h + side) * n),
                                  .b_row = 1,
                                  .c = scores.row(side * rows),
                                  .c_row = n},
                                 1, half, false);
            kvmem::parallel_for(rows, 16, [&](Index begin, Index end) {
                for (Index i = begin; i < end; ++i) {
                    const auto best =
                        top_k_sums(scores.middle_rows(i, 1).span(), scores.middle_rows(rows + i, 1).span(), k);
                    for (Index j = 0; j < k; ++j)
                        slots[((first + i) * heads + h) * k + j] = static_cast<Token>(best[j].index);
                }
            });
        }
}

void naive::select_product_keys(ConstView queries, const ProductKeys& keys, Index k, std::span<Token> slots) {
    const Index n = keys.codebook_size(), half = keys.codebooks.cols;
    std::vector<double> score(static_cast<std::size_t>(n * n));
    std::vector<Token> order(score.size());
    for (Index q = 0; q < queries.rows; ++q) {
        const Index base = 2 * (q % keys.heads) * n;
        for (Index slot = 0; slot < n * n; ++slot) {
            score[slot] = 0;
            for (Index d = 0; d < half; ++d)
                score[slot] += double{queries(q, d)} * double{keys.codebooks(base + slot / n, d)} +
                               double{queries(q, half + d)} * double{keys.codebooks(base + n + slot % n, d)};
            order[slot] = static_cast<Token>(slot);
        }
        std::ranges::stable_sort(order, [&](Token a, Token b) { return score[a] > score[b]; });
        std::copy_n(order.begin(), k, slots.begin() + q * k);
    }
}

}  // namespace kvmem
