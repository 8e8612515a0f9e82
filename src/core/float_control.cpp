#include "kvmem/core/float_control.hpp"

#ifdef __SSE__
#include <xmmintrin.h>
#endif

namespace kvmem {

#ifdef __SSE__
unsigned detail::float_control() { return _mm_getcsr(); }
static void set_float_control(unsigned word) { _mm_setcsr(word); }
#else
unsigned detail::float_control() { return 0; }
static void set_float_control(unsigned) {}
#endif

detail::FloatControl::FloatControl(unsigned word) : before_(float_control()) { set_float_control(word); }
detail::FloatControl::~FloatControl() { set_float_control(before_); }

// MXCSR's bits for results and for operands.
static constexpr unsigned flush_to_zero = 1u << 15, denormals_are_zero = 1u << 6;

FlushSubnormals::FlushSubnormals() : control_(detail::float_control() | flush_to_zero | denormals_are_zero) {}

}  // namespace kvmem
