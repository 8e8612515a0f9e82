#include "kvmem/kernels/embed.hpp"

#include "kernels/vector.hpp"
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
        Real* row = out.row(i);
        if (bag.empty()) {
            std::fill_n(row, out.cols, Real{0});
            continue;
        }
        std::copy_n(table.row(bag[0]), out.cols, row);
        for (const Token token : bag.subspan(1)) detail::axpy(1, table.row(token), row, out.cols);
        if (scale != BagScale::sum) detail::scale(factor(scale, bag.size()), row, out.cols);
    }
}

void embed_sum_backward(RaggedView<Token> bags, BagScale scale, ConstView grad_out, SparseRows& grad_table,
                        const std::vector<bool>& frozen) {
    require_shape(grad_out.rows == bags.size() && grad_out.cols == grad_table.cols(), "embed_sum_backward",
                  "grad_out [bags, width of the table]");
    check_bags(bags, grad_table.rows());
    for (Index i = 0; i < bags.size(); ++i) {
        const auto bag = bags[i];
        const Real step = factor(scale, bag.size());
        for (const Token token : bag)
            if (frozen.empty() || !frozen[static_cast<std::size_t>(token)])
                detail::axpy(step, grad_out.row(i), grad_table.touch(token), grad_out.cols);
    }
}

}  // namespace kvmem
