#define KVMEM_SIMD baseline
#include "kernels/simd/kernels.hpp"
