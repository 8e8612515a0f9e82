// How a thread computes with floating-point numbers: the processor's control word (MXCSR). On other processors than x86
// nothing here has an effect.
#pragma once

namespace kvmem {

namespace detail {

unsigned float_control();  // this thread's

// Sets this thread's control word for as long as the object lives.
class FloatControl {
  public:
    // The old word comes back at the end.
    explicit FloatControl(unsigned word);
    ~FloatControl();
    FloatControl(const FloatControl&) = delete;
    FloatControl& operator=(const FloatControl&) = delete;

  private:
    unsigned before_;
};

}  // namespace detail

// Flushes subnormal numbers, below about 1e-38, to zero for as long as the object lives: on this thread and in the
// bodies of the loops that it starts (parallel.hpp). Products with them are a hundred times slower on x86, and
// gradients of what is learned well are full of them. Results stay bit-reproducible, because each thread does the same.
class FlushSubnormals {
  public:
    FlushSubnormals();

  private:
    detail::FloatControl control_;
};

}  // namespace kvmem
