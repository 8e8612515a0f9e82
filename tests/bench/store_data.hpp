// The vectors that the store's benchmark searches.
#pragma once

#include "kvmem/core/matrix.hpp"

#include <string>

namespace bench {

struct VectorSet {
    std::string name;
    kvmem::Matrix base, queries;  // of length 1
};

// Around 1,000 centres, each with 16 directions to spread in (0: not around anything). The same for the same seed.
VectorSet made_up(kvmem::Index vectors, kvmem::Index width, kvmem::Index centres, std::uint64_t seed);
// Debian's dataset-fashion-mnist, or an empty set where it is not installed.
VectorSet fashion_mnist();

}  // namespace bench
