// What embed_sum does once its input is known to fit. Not installed.
#pragma once

#include "kvmem/kernels/embed.hpp"

namespace kvmem::detail {

void embed_checked(ConstView table, RaggedView<Token> bags, BagScale scale, View out, const PositionFactors& positions,
                   const StartRows& start);

}  // namespace kvmem::detail
