// What embed_sum, its backward pass and its inner loops share. Not installed.
#pragma once

#include "kvmem/kernels/embed.hpp"

namespace kvmem::detail {

// The factor of the sum of a bag with this many tokens. Always inlined: the code of one instruction set must not serve
// another.
[[gnu::always_inline]] inline Real bag_factor(BagScale scale, Index tokens) {
    if (scale == BagScale::sum || tokens < 2) return 1;
    const auto n = static_cast<double>(tokens);
    return static_cast<Real>(1 / (scale == BagScale::mean ? n : __builtin_sqrt(n)));
}

// The two steps of embed_sum: check_embed() throws Error unless everything fits; embed_checked() embeds.
void check_embed(ConstView table, RaggedView<Token> bags, const PositionFactors& positions, const StartRows& start);
void embed_checked(ConstView table, RaggedView<Token> bags, BagScale scale, View out,
                   const PositionFactors& positions = {}, const StartRows& start = {});
// list_tokens() of checked bags.
TokenLists list_checked(RaggedView<Token> bags, Index rows, Arena& arena);
// Embeds and lists checked bags. In a large call one thread lists while others embed.
TokenLists embed_and_list(ConstView table, RaggedView<Token> bags, BagScale scale, View out, Arena& arena,
                          const PositionFactors& positions = {}, const StartRows& start = {});

}  // namespace kvmem::detail
