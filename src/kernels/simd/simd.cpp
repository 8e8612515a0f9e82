#include "kernels/simd/table.hpp"

#include "kernels/simd/instruction_set.hpp"

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
    const InstructionSet best = instruction_set();
    if (best >= InstructionSet::avx512) return avx512::table;
    if (best >= InstructionSet::avx2) return avx2::table;
#endif
    return baseline::table;
}

const Simd& simd() {
    static const Simd& chosen = choose();
    return chosen;
}

}  // namespace detail
}  // namespace kvmem
