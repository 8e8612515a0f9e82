// The number types that everything shares.
#pragma once

#include <cstdint>

namespace kvmem {

using Index = std::int64_t;  // counts, offsets, rows and columns
using Token = std::int32_t;  // a row of a vocabulary

// float in the library that is installed; double in kvmem::core_double, the same sources built once more
// so that gradients can be checked to many digits. One program links one of the two.
#ifdef KVMEM_REAL_DOUBLE
using Real = double;
#else
using Real = float;
#endif

}  // namespace kvmem
