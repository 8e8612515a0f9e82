// Which loops a process runs.
#pragma once

#include <string_view>

namespace kvmem {

// The instruction set of this process's kernels: baseline, avx2 or avx512. It is the best of the processor, or less if
// KVMEM_ISA says so. Results have the same bits on one instruction set only. Throws Error when KVMEM_ISA names none. It
// is safe from several threads.
[[nodiscard]] std::string_view instruction_set_name();

}  // namespace kvmem
