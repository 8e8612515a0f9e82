// The tokens that begin and end a sequence.
#pragma once

#include "kvmem/core/types.hpp"

namespace kvmem::detail {

inline constexpr Token begin_token = 1, end_token = 2;

}  // namespace kvmem::detail
