#include "kernels/simd/table.hpp"

#include <cstdlib>
#include <string_view>

namespace kvmem {

namespace baseline {
extern const detail::Simd table;
}
#ifdef KVMEM_HAVE_X86_64_SIMD
namespace avx2 {
extern const detail::Simd table;
}
namespace avx512 {
extern const detail::Simd table;
}
#endif

namespace detail {

static const Simd& choose() {
#ifdef KVMEM_HAVE_X86_64_SIMD
    const char* wish = std::getenv("KVMEM_ISA");
    const std::string_view most = wish ? wish : "avx512";
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (most == "avx512" && has_avx512) return avx512::table;
    if (most != "baseline" && has_avx2) return avx2::table;
#endif
    return baseline::table;
}

const Simd& simd() {
    static const Simd& chosen = choose();
    return chosen;
}

}  // namespace detail
}  // namespace kvmem
