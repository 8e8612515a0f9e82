#include "kernels/simd/instruction_set.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <string_view>

namespace kvmem::detail {

static constexpr std::string_view names[] = {"baseline", "avx2", "avx512", "avx512vnni"};

std::string_view name_of(InstructionSet set) { return names[static_cast<int>(set)]; }

// What KVMEM_ISA allows; everything if it is not set, or empty.
static InstructionSet allowed() {
    const char* wish = std::getenv("KVMEM_ISA");
    if (!wish || !*wish) return InstructionSet::avx512vnni;
    const auto* const name = std::ranges::find(names, std::string_view(wish));
    if (name == std::end(names))
        throw Error({.what = "the environment variable KVMEM_ISA names no instruction set",
                     .expected = "baseline, avx2, avx512 or avx512vnni",
                     .got = wish,
                     .where = {},
                     .hint = "leave it unset for the best that the processor has"});
    return static_cast<InstructionSet>(name - names);
}

InstructionSet instruction_set() {
    const InstructionSet limit = allowed();
#ifdef KVMEM_HAVE_X86_64_SIMD
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    const bool has_vnni = has_avx512 && __builtin_cpu_supports("avx512vnni");
    const InstructionSet best = has_vnni     ? InstructionSet::avx512vnni
                                : has_avx512 ? InstructionSet::avx512
                                : has_avx2   ? InstructionSet::avx2
                                             : InstructionSet::baseline;
#else
    const InstructionSet best = InstructionSet::baseline;
#endif
    return std::min(limit, best);
}

}  // namespace kvmem::detail
