// KVMEM_ASSERT(condition): a precondition, such as an index within its matrix.
//
// It is checked where KVMEM_ASSERTIONS is defined, as in the presets dev, asan and tsan, and costs nothing elsewhere. A
// broken assertion throws std::logic_error and not Error, because the program is at fault and not its data.
#pragma once

namespace kvmem {

// Throws std::logic_error that names the condition and its place.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace kvmem

// Evaluates the condition only where KVMEM_ASSERTIONS is defined.
#ifdef KVMEM_ASSERTIONS
#define KVMEM_ASSERT(condition) \
    static_cast<void>((condition) || (::kvmem::assertion_failed(#condition, __FILE__, __LINE__), false))
#else
#define KVMEM_ASSERT(condition) static_cast<void>(0)
#endif
