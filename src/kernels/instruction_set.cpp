#include "kvmem/kernels/instruction_set.hpp"

#include "kernels/simd/table.hpp"

namespace kvmem {

std::string_view instruction_set_name() { return detail::simd().name; }

}  // namespace kvmem
