#include "kvmem/kernels/embed.hpp"

#include "kernels/simd/table.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>
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
    for (const Token token : bags.values)
        if (token < 0 || token >= rows)
            throw Error({.what = "a token is not in the table",
                         .expected = "0 to " + std::to_string(rows - 1),
                         .got = std::to_string(token),
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
    constexpr std::size_t at_once = 64;
    Index places[at_once];
    for (Index i = 0; i < bags.size(); ++i) {
        const auto bag = bags[i];
        for (std::size_t first = 0; first < bag.size(); first += at_once) {
            Index count = 0;
            for (const Token token : bag.subspan(first, std::min(at_once, bag.size() - first)))
                if (frozen.empty() || !frozen[static_cast<std::size_t>(token)])
                    places[count++] = grad_table.place(token);
            detail::simd().scatter_add(grad_table.values(), grad_table.cols(), places, count,
                                       factor(scale, bag.size()), grad_out.row(i));
        }
    }
}

}  // namespace kvmem
