// Empty on other processors than x86-64.
#if defined(KVMEM_HAVE_X86_64_SIMD)
#define KVMEM_SIMD avx512
#include "kernels/simd/kernels.hpp"
#endif
