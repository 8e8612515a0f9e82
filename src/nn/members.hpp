// The mean of several networks that are trained side by side, each with parameters of its own. Not installed.
#pragma once

#include "kvmem/autograd/ops.hpp"

#include <ranges>

namespace kvmem {

// The mean of give(member), a Var, over one member or more, in their order. All must have one shape.
template <std::ranges::forward_range Members, class Give>
Var mean_over(const Members& members, Give give) {
    auto member = std::ranges::begin(members);
    Var sum = give(*member);
    Index count = 1;
    for (++member; member != std::ranges::end(members); ++member, ++count) sum = sum + give(*member);
    return scale(sum, 1 / static_cast<Real>(count));
}

}  // namespace kvmem
