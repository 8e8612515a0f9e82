#include "kvmem/kernels/embed.hpp"

#include "kernels/simd/table.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>

namespace kvmem {

static Real factor(BagScale scale, std::size_t tokens) {
    const auto n = static_cast<Real>(std::max<std::size_t>(tokens, 1));
    switch (scale) {
        case BagScale::inverse_sqrt:
            return 1 / std::sqrt(n);
        case BagScale::mean:
            return 1 / n;
        case BagScale::sum:
            break;
    }
    return 1;
}

void check_bags(RaggedView<Token> bags, Index rows) {
    require_shape(bags.valid(), "embed_sum", "bags whose offsets rise from 0 to the number of tokens");
    // All at once first, in a form that is made into vector code: every step of training does it.
    const auto limit = static_cast<std::uint32_t>(std::min<Index>(rows, std::numeric_limits<Token>::max()));
    std::uint32_t wrong = 0;
    for (const Token token : bags.values) wrong |= static_cast<std::uint32_t>(static_cast<std::uint32_t>(token) >= limit);
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
    for (Index i = 0; i < bags.size(); ++i) {
        const auto bag = bags[i];
        detail::simd().gather_sum(table.data, table.cols, bag.data(), static_cast<Index>(bag.size()),
                                  factor(scale, bag.size()), out.row(i));
    }
}

void embed_sum_backward(RaggedView<Token> bags, BagScale scale, ConstView grad_out, SparseRows& grad_table,
                        const std::vector<bool>& frozen) {
    require_shape(grad_out.rows == bags.size() && grad_out.cols == grad_table.cols(), "embed_sum_backward",
                  "grad_out [bags, width of the table]");
    check_bags(bags, grad_table.rows());
    std::vector<Token> trained;  // the tokens of a bag that are not frozen, if any are
    for (Index i = 0; i < bags.size(); ++i) {
        std::span<const Token> bag = bags[i];
        const Real step = factor(scale, bag.size());
        if (!frozen.empty()) {
            trained.clear();
            std::copy_if(bag.begin(), bag.end(), std::back_inserter(trained),
                         [&](Token t) { return !frozen[static_cast<std::size_t>(t)]; });
            bag = trained;
        }
        for (const Token token : bag) grad_table.place(token);
        detail::simd().scatter_add(grad_table.values(), grad_table.cols(), grad_table.places(), bag.data(),
                                   static_cast<Index>(bag.size()), step, grad_out.row(i));
    }
}

}  // namespace kvmem
