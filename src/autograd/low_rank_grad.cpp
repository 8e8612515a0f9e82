#include "autograd/low_rank_grad.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>

namespace kvmem {

void LowRankGrad::allow(Var out) {
    if (out.needs_grad())
        out.tape->nodes_[out.node].low_rank = std::construct_at(out.tape->arena_.take<OuterProducts>(1).data());
}

bool LowRankGrad::accepts(Var to, std::span<const Index> offsets) {
    const Tape::Node& node = to.tape->nodes_[to.node];
    return node.pending && node.low_rank &&
           (node.low_rank->terms.empty() || std::ranges::equal(node.low_rank->offsets, offsets));
}

void LowRankGrad::add(Var to, std::span<const Index> offsets, const OuterProducts::Term& term) {
    require_shape(accepts(to, offsets), "LowRankGrad::add", "a matrix that accepts it");
    OuterProducts& products = *to.tape->nodes_[to.node].low_rank;
    const auto terms = to.tape->arena_.take<OuterProducts::Term>(std::ssize(products.terms) + 1);
    std::ranges::copy(products.terms, terms.begin());
    terms.back() = term;
    products = {offsets, terms};
}

const OuterProducts* LowRankGrad::find(Var out) {
    const Tape::Node& node = out.tape->nodes_[out.node];
    return node.pending && node.low_rank && !node.low_rank->terms.empty() ? node.low_rank : nullptr;
}

}  // namespace kvmem
