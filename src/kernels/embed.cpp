#include "kvmem/kernels/embed.hpp"

#include "kernels/simd/table.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

namespace kvmem {

// A table that the second-level cache does not hold, in bytes.
static constexpr Index large = Index{1} << 20;

static bool is_large(Index numbers) { return numbers * static_cast<Index>(sizeof(Real)) > large; }

void check_bags(RaggedView<Token> bags, Index rows) {
    require_shape(bags.valid(), "embed_sum", "bags whose offsets rise from 0 to the number of tokens");
    // All at once first, in a form that is made into vector code: every step of training does it.
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

void embed_sum(ConstView table, RaggedView<Token> bags, BagScale scale, View out) {
    require_shape(out.rows == bags.size() && out.cols == table.cols, "embed_sum", "out [bags, width of the table]");
    check_bags(bags, table.rows);
    if (bags.size() == 0) return;
    detail::simd().gather_sums({table.data, table.cols, is_large(table.size()), bags.values.data(), bags.offsets.data(),
                                bags.size(), scale, out.data});
}

void embed_sum_backward(RaggedView<Token> bags, BagScale scale, ConstView grad_out, SparseRows& grad_table,
                        const std::vector<bool>& frozen) {
    require_shape(grad_out.rows == bags.size() && grad_out.cols == grad_table.cols(), "embed_sum_backward",
                  "grad_out [bags, width of the table]");
    check_bags(bags, grad_table.rows());
    if (bags.size() == 0) return;
    // Rows that were never touched have no place, and what they are given is dropped: so frozen ones are.
    if (frozen.empty())
        for (const Token token : bags.values) grad_table.place(token);
    else
        for (const Token token : bags.values)
            if (!frozen[static_cast<std::size_t>(token)]) grad_table.place(token);
    const Index cols = grad_table.cols();
    detail::simd().scatter_sums({grad_table.values(), cols,
                                 is_large(static_cast<Index>(grad_table.touched().size()) * cols), grad_table.places(),
                                 bags.values.data(), bags.offsets.data(), bags.size(), scale, grad_out.data});
}

}  // namespace kvmem
