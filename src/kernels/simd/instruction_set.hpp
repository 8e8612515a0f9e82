// The instruction set of this process, among those that loops are compiled for. Not installed.
#pragma once

#include <string_view>

namespace kvmem::detail {

// Each includes all before it.
enum class InstructionSet { baseline, avx2, avx512, avx512vnni };

// The best of the processor, or the one that KVMEM_ISA names if that is less. Throws Error when it names none.
InstructionSet instruction_set();

// As KVMEM_ISA names it.
std::string_view name_of(InstructionSet set);

}  // namespace kvmem::detail
