// Which of the instruction sets that loops are compiled for this process uses. Not installed.
#pragma once

namespace kvmem::detail {

// Each has all of those before it.
enum class InstructionSet { baseline, avx2, avx512, avx512vnni };

// The best that the processor has, or the one of the name in KVMEM_ISA if that is less. Throws Error when that is the
// name of none.
InstructionSet instruction_set();

}  // namespace kvmem::detail
