// Empty on other processors than x86-64.
#if defined(KVMEM_HAVE_X86_64_SIMD) && !defined(KVMEM_REAL_DOUBLE)
#define KVMEM_SIMD avx512
#include "kernels/simd/scan.hpp"
#endif
