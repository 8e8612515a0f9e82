#include "kernels/embed/embed.hpp"

#include "kernels/simd/table.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/core/rng.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>

namespace kvmem {

// The second-level cache does not hold a table of more bytes.
static constexpr Index l2_bytes = Index{1} << 20;

static bool exceeds_l2(Index numbers) { return numbers * static_cast<Index>(sizeof(Real)) > l2_bytes; }

void check_bags(RaggedView<Token> bags, Index rows) {
    require_shape(bags.valid(), "embed_sum", "bags whose offsets rise from 0 to the number of tokens");
    // Every step of training checks its bags. This form of the check becomes vector code.
    const auto limit = static_cast<std::uint32_t>(std::min<Index>(rows, std::numeric_limits<Token>::max()));
    std::uint32_t wrong = 0;
    for (const Token token : bags.values)
        wrong |= static_cast<std::uint32_t>(static_cast<std::uint32_t>(token) >= limit);
    if (wrong == 0) return;
    const auto is_wrong = [&](Token t) { return t < 0 || t >= rows; };
    throw Error({.what = "a token is not in the table",
                 .expected = "0 to " + std::to_string(rows - 1),
                 .got = std::to_string(*std::find_if(bags.values.begin(), bags.values.end(), is_wrong)),
                 .where = "embed_sum",
                 .hint = {}});
}

static void check_positions(RaggedView<Token> bags, Index width, const PositionFactors& positions) {
    if (positions.factors.data == nullptr) return;
    bool fits = positions.factors.cols == width && static_cast<Index>(positions.first.size()) == bags.size();
    for (Index i = 0; fits && i < bags.size(); ++i) {
        const Index first = positions.first[i], length = std::ssize(bags[i]);
        fits = first >= 0 && first <= positions.factors.rows - length;
    }
    require_shape(fits, "embed_sum", "factors [n, width of the table] for every token");
}

static void check_start(Index bags, Index width, const StartRows& start) {
    if (start.table.data == nullptr) return;
    bool fits = start.table.cols == width && static_cast<Index>(start.row.size()) == bags;
    for (const Token row : start.row) fits = fits && row >= 0 && row < start.table.rows;
    require_shape(fits, "embed_sum", "start rows [n, width of the table], and one of them for each bag");
}

void detail::check_embed(ConstView table, RaggedView<Token> bags, const PositionFactors& positions,
                         const StartRows& start) {
    check_bags(bags, table.rows);
    check_positions(bags, table.cols, positions);
    check_start(bags.size(), table.cols, start);
}

// The work that is worth a task of its own, in numbers of rows.
static constexpr Index task_numbers = Index{1} << 17;

// Calls body(first, end) in parallel for runs of bags, or of lists, with about equally many tokens, and beside() once.
template <class Body, class Beside>
static void for_each_run(std::span<const Index> offsets, Index width, Body body, Beside beside) {
    const Index count = std::ssize(offsets) - 1, tokens = offsets.back();
    const Index runs = std::clamp<Index>(tokens * width / task_numbers, 1, count);
    const auto begin_of = [&](Index run) {
        return run == runs ? count : std::ranges::lower_bound(offsets, tokens * run / runs) - offsets.begin();
    };
    parallel_for(runs + 1, runs > 1 ? 1 : 2, [&](Index first, Index last) {
        if (first == 0) beside();
        body(begin_of(std::max<Index>(first, 1) - 1), begin_of(last - 1));
    });
}

template <class Beside>
static void embed(ConstView table, RaggedView<Token> bags, BagScale scale, View out, const PositionFactors& positions,
                  const StartRows& start, Beside beside) {
    if (bags.size() == 0) return beside();
    for_each_run(
        bags.offsets, table.cols,
        [&](Index first, Index end) {
            detail::simd().gather_sums({table.data, table.cols, exceeds_l2(table.size()), bags.values.data(),
                                        bags.offsets.data(), first, end, scale, out.data, positions.factors.data,
                                        positions.first.data(), start.table.data, start.row.data()});
        },
        beside);
}

static constexpr auto nothing = [] {};

void detail::embed_checked(ConstView table, RaggedView<Token> bags, BagScale scale, View out,
                           const PositionFactors& positions, const StartRows& start) {
    embed(table, bags, scale, out, positions, start, nothing);
}

TokenLists detail::embed_and_list(ConstView table, RaggedView<Token> bags, BagScale scale, View out, Arena& arena,
                                  const PositionFactors& positions, const StartRows& start) {
    TokenLists lists;
    embed(table, bags, scale, out, positions, start, [&] { lists = list_checked(bags, table.rows, arena); });
    return lists;
}

void embed_sum(ConstView table, RaggedView<Token> bags, BagScale scale, View out, const PositionFactors& positions,
               const StartRows& start) {
    require_shape(out.rows == bags.size() && out.cols == table.cols, "embed_sum", "out [bags, width of the table]");
    detail::check_embed(table, bags, positions, start);
    detail::embed_checked(table, bags, scale, out, positions, start);
}

static std::span<const Real> scales_of(RaggedView<Token> bags, BagScale scale, Arena& arena) {
    const auto scales = arena.take<Real>(bags.size());
    for (Index i = 0; i < bags.size(); ++i) scales[i] = detail::bag_factor(scale, std::ssize(bags[i]));
    return scales;
}

static void check_lists(const TokenLists& lists, const SparseRows& grad_table) {
    require_shape(lists.rows == grad_table.rows(), "embed_sum_backward", "lists of a table with these rows");
}

// Touches the rows of all tokens that are not frozen, then calls body(ScatterLists) for runs of lists in parallel. An
// untouched row has no place, and its gradient is dropped.
template <class Body>
static void scatter(const TokenLists& lists, SparseRows& grad_table, const std::vector<bool>& frozen, Body body) {
    const Index fresh = std::ssize(grad_table.touched()), cols = grad_table.cols();
    for (const Token token : lists.tokens)
        if (frozen.empty() || !frozen[token]) grad_table.place_to_write(token);
    const bool rows_exceed_l2 = exceeds_l2(std::ssize(grad_table.touched()) * cols);
    for_each_run(
        lists.offsets, cols,
        [&](Index first, Index end) {
            body(detail::ScatterLists{grad_table.values(), cols, fresh, grad_table.places(), lists.tokens.data(),
                                      lists.offsets.data(), lists.entries.data(), first, end, rows_exceed_l2});
        },
        nothing);
}

void embed_sum_backward(const TokenLists& lists, BagScale scale, ConstView grad_out, SparseRows& grad_table,
                        Arena& scratch, const std::vector<bool>& frozen, const PositionFactors& positions) {
    const RaggedView<Token> bags = lists.bags;
    const Index cols = grad_table.cols();
    require_shape(grad_out.rows == bags.size() && grad_out.cols == cols, "embed_sum_backward",
                  "grad_out [bags, width of the table]");
    require_shape(scale == BagScale::sum || positions.factors.data == nullptr, "embed_sum_backward",
                  "no factors of positions beside a scale of bags");
    check_lists(lists, grad_table);
    check_positions(bags, cols, positions);
    if (lists.entries.empty()) return;
    const ArenaScope scope(scratch);
    const Real* scales = scale == BagScale::sum ? nullptr : scales_of(bags, scale, scratch).data();
    scatter(lists, grad_table, frozen, [&](const detail::ScatterLists& run) {
        detail::simd().scatter_sums(
            {run, grad_out.data, exceeds_l2(grad_out.size()), scales, positions.factors.data, positions.first.data()});
    });
}

// Throws Error unless the products are those of a gradient [rows, cols].
static void check_products(const OuterProducts& products, Index rows, Index cols, const char* where) {
    const auto& offsets = products.offsets;
    const Index segments = std::max<Index>(1, std::ssize(offsets)) - 1;
    bool fits =
        std::ranges::is_sorted(offsets) && (segments == 0 ? rows == 0 : offsets[0] == 0 && offsets.back() == rows);
    for (const OuterProducts::Term& term : products.terms)
        fits = fits && std::ssize(term.weight) == rows && term.vectors.rows == segments && term.vectors.cols == cols;
    require_shape(fits, where, "outer products of the gradient's shape");
}

void add_outer_products(const OuterProducts& products, View grad) {
    check_products(products, grad.rows, grad.cols, "add_outer_products");
    if (products.terms.empty()) return;
    const Index segments = std::ssize(products.offsets) - 1;
    const Index grain = std::max<Index>(1, segments * task_numbers / std::max<Index>(1, grad.size()));
    parallel_for(segments, grain, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) {
            const Index first = products.offsets[i];
            const Index count = products.offsets[i + 1] - first;
            for (const OuterProducts::Term& term : products.terms)
                detail::simd().add_outer(term.weight.data() + first, term.vectors.row(i), grad.data + first * grad.cols,
                                         grad.cols, count, grad.cols);
        }
    });
}

// weights[i, k] = the bag's factor times its weight of term k, or 0 for a missing term.
static void fill_weights(RaggedView<Token> bags, BagScale scale, std::span<const OuterProducts::Term> terms,
                         std::span<Real> weights) {
    for (Index i = 0; i < bags.size(); ++i) {
        const Real factor = detail::bag_factor(scale, std::ssize(bags[i]));
        for (Index k = 0; k < detail::outer_terms; ++k)
            weights[i * detail::outer_terms + k] = k < std::ssize(terms) ? factor * terms[k].weight[i] : 0;
    }
}

void embed_sum_backward(const TokenLists& lists, BagScale scale, const OuterProducts& grad_out, SparseRows& grad_table,
                        Arena& scratch, const std::vector<bool>& frozen) {
    const RaggedView<Token> bags = lists.bags;
    check_lists(lists, grad_table);
    check_products(grad_out, bags.size(), grad_table.cols(), "embed_sum_backward");
    if (lists.entries.empty()) return;
    const ArenaScope scope(scratch);
    const auto segments = scratch.take<std::int32_t>(bags.size());
    for (std::size_t i = 0; i + 1 < grad_out.offsets.size(); ++i)
        std::fill(segments.begin() + grad_out.offsets[i], segments.begin() + grad_out.offsets[i + 1],
                  static_cast<std::int32_t>(i));
    const auto weights = scratch.take<Real>(bags.size() * detail::outer_terms);
    for (auto rest = grad_out.terms; !rest.empty();) {
        const auto terms = rest.first(std::min<std::size_t>(detail::outer_terms, rest.size()));
        rest = rest.subspan(terms.size());
        fill_weights(bags, scale, terms, weights);
        scatter(lists, grad_table, frozen, [&](const detail::ScatterLists& run) {
            detail::OuterScatter s{run, std::ssize(terms), weights.data(), segments.data(), {}};
            for (std::size_t k = 0; k < terms.size(); ++k) s.vectors[k] = terms[k].vectors.data;
            detail::simd().scatter_outer(s);
        });
    }
}

static Index longest_of(RaggedView<Token> bags) {
    Index longest = 0;
    for (Index i = 0; i < bags.size(); ++i) longest = std::max(longest, std::ssize(bags[i]));
    return longest;
}

// The factors of Sukhbaatar et al. 2015 for a bag of `length` tokens.
static void fill_positions(View factors) {
    const auto length = static_cast<Real>(factors.rows), width = static_cast<Real>(factors.cols);
    for (Index j = 1; j <= factors.rows; ++j) {
        const Real place = static_cast<Real>(j) / length;
        for (Index k = 1; k <= factors.cols; ++k)
            factors(j - 1, k - 1) = (1 - place) - static_cast<Real>(k) / width * (1 - 2 * place);
    }
}

PositionFactors position_encoding(RaggedView<Token> bags, Index width, Arena& arena) {
    const Index longest = longest_of(bags);
    // Bags of one length share a table: its first row, or -1.
    const auto first_of_length = arena.take<Index>(longest + 1);
    std::fill(first_of_length.begin(), first_of_length.end(), Index{-1});
    const auto first = arena.take<Index>(bags.size());
    Index rows = 0;
    for (Index i = 0; i < bags.size(); ++i) {
        Index& at = first_of_length[bags[i].size()];
        if (at < 0) {
            at = rows;
            rows += std::ssize(bags[i]);
        }
        first[i] = at;
    }
    const View factors = arena.matrix(rows, width);
    for (Index length = 1; length <= longest; ++length)
        if (const Index at = first_of_length[length]; at >= 0) fill_positions(factors.middle_rows(at, length));
    return {factors, first};
}

PositionFactors aligned_encoding(RaggedView<Token> bags, Index width, Index words, Arena& arena) {
    const View factors = arena.matrix(longest_of(bags), width);
    const auto center = [](Index n) { return static_cast<Real>(n + 1) / 2; };
    const Real scale = 4 / static_cast<Real>(width * words);
    for (Index j = 0; j < factors.rows; ++j)
        for (Index k = 0; k < width; ++k)
            factors(j, k) =
                1 + scale * (static_cast<Real>(k + 1) - center(width)) * (static_cast<Real>(j + 1) - center(words));
    const auto first = arena.take<Index>(bags.size());
    std::fill(first.begin(), first.end(), Index{0});
    return {factors, first};
}

Matrix random_factors(Index places, Index width, double deviation, std::uint64_t seed) {
    Matrix factors(places, width);
    Rng rng(seed, {0x706c61636573u});
    for (Real& x : factors.view().span()) x = static_cast<Real>(1 + deviation * rng.normal());
    return factors;
}

namespace naive {

void embed_sum(ConstView table, RaggedView<Token> bags, BagScale scale, View out, const PositionFactors& positions,
               const StartRows& start) {
    for (Index i = 0; i < bags.size(); ++i) {
        const auto bag = bags[i];
        const double n = static_cast<double>(std::max<std::size_t>(bag.size(), 1));
        const double factor = scale == BagScale::sum ? 1 : scale == BagScale::mean ? 1 / n : 1 / std::sqrt(n);
        for (Index k = 0; k < table.cols; ++k) {
            double sum = 0;
            for (std::size_t j = 0; j < bag.size(); ++j) {
                const double by = positions.factors.data
                                      ? double{positions.factors(positions.first[i] + static_cast<Index>(j), k)}
                                      : 1;
                sum += by * double{table(bag[j], k)};
            }
            out(i, k) = static_cast<Real>(factor * sum + (start.table.data ? double{start.table(start.row[i], k)} : 0));
        }
    }
}

}  // namespace naive

}  // namespace kvmem
