// The parts that embed_sum, its way back and its inner loops share. Not installed.
#pragma once

#include "kvmem/kernels/embed.hpp"

namespace kvmem::detail {

// What the sum of a bag of so many tokens is multiplied with. Always inlined: the code of one instruction set must not
// serve another.
[[gnu::always_inline]] inline Real bag_factor(BagScale scale, Index tokens) {
    if (scale == BagScale::sum || tokens < 2) return 1;
    const auto n = static_cast<double>(tokens);
    return static_cast<Real>(1 / (scale == BagScale::mean ? n : __builtin_sqrt(n)));
}

// embed_sum in two halves: throws Error unless everything fits, and embeds what was checked.
void check_embed(ConstView table, RaggedView<Token> bags, const PositionFactors& positions, const StartRows& start);
void embed_checked(ConstView table, RaggedView<Token> bags, BagScale scale, View out,
                   const PositionFactors& positions = {}, const StartRows& start = {});
// list_tokens of bags that were checked.
TokenLists list_checked(RaggedView<Token> bags, Index rows, Arena& arena);
// Both, in a large call at the same time: one thread lists while others embed.
TokenLists embed_and_list(ConstView table, RaggedView<Token> bags, BagScale scale, View out, Arena& arena,
                          const PositionFactors& positions = {}, const StartRows& start = {});

}  // namespace kvmem::detail
