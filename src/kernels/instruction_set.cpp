#include "kernels/instruction_set.hpp"

#include <cstdlib>
#include <string_view>

namespace kvmem::detail {

InstructionSet instruction_set() {
#ifdef KVMEM_HAVE_X86_64_SIMD
    const char* wish = std::getenv("KVMEM_ISA");
    const std::string_view most = wish ? wish : "avx512vnni";
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (most == "avx512vnni" && has_avx512 && __builtin_cpu_supports("avx512vnni")) return InstructionSet::avx512vnni;
    if (most.starts_with("avx512") && has_avx512) return InstructionSet::avx512;
    if (most != "baseline" && has_avx2) return InstructionSet::avx2;
#endif
    return InstructionSet::baseline;
}

}  // namespace kvmem::detail
