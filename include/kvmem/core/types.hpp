// The number types of all layers.
#pragma once

#include <cstdint>

namespace kvmem {

using Index = std::int64_t;  // counts, offsets, rows and columns
using Token = std::int32_t;  // a row of a vocabulary

// float in the installed library. kvmem::core_double is built from the same sources with double, so that gradients can
// be checked to many digits. A program links one of the two.
#ifdef KVMEM_REAL_DOUBLE
using Real = double;
#else
using Real = float;
#endif

}  // namespace kvmem
