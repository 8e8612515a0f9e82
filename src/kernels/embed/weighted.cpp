// Rows of a table with a weight each, and products with them.
#include "kernels/prefetch.hpp"
#include "kernels/simd/table.hpp"
#include "kernels/vector.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/embed.hpp"

#include <algorithm>

namespace kvmem {

// Calls body(bag, token number, its row) for all tokens; bags run on several threads.
template <class Body>
static void for_each_row(ConstView table, RaggedView<Token> bags, Body body) {
    constexpr Index ahead = 4, task_numbers = Index{1} << 16;
    const Index tokens = std::ssize(bags.values);
    const Index grain = task_numbers * bags.size() / std::max<Index>(1, tokens * table.cols);
    kvmem::parallel_for(bags.size(), std::max<Index>(1, grain), [&](Index first, Index end) {
        for (Index i = first; i < end; ++i)
            for (Index s = bags.offsets[i]; s < bags.offsets[i + 1]; ++s) {
                if (s + ahead < tokens) detail::prefetch_row(table.row(bags.values[s + ahead]), table.cols);
                body(i, s, table.row(bags.values[s]));
            }
    });
}

void embed_weighted(ConstView table, RaggedView<Token> bags, std::span<const Real> weights, View out) {
    check_bags(bags, table.rows);
    require_shape(weights.size() == bags.values.size() && out.rows == bags.size() && out.cols == table.cols,
                  "embed_weighted", "a weight for each token, and out [bags, width of the table]");
    std::ranges::fill(out.span(), Real{0});
    for_each_row(table, bags, [&](Index bag, Index s, const Real* row) {
        detail::simd().add_scaled(weights[s], row, out.row(bag), out.cols);
    });
}

void dot_rows(ConstView x, ConstView table, RaggedView<Token> bags, std::span<Real> out) {
    check_bags(bags, table.rows);
    require_shape(out.size() == bags.values.size() && x.rows == bags.size() && x.cols == table.cols, "dot_rows",
                  "x [bags, width of the table], and a number for each token");
    for_each_row(table, bags,
                 [&](Index bag, Index s, const Real* row) { out[s] = detail::dot(x.row(bag), row, x.cols); });
}

}  // namespace kvmem
