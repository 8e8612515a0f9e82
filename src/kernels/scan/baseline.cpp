#ifndef KVMEM_REAL_DOUBLE
#define KVMEM_SIMD baseline
#include "kernels/simd/scan.hpp"
#endif
