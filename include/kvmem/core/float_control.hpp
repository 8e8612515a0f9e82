// How a thread computes with floating-point numbers: the processor's control word (MXCSR on x86; elsewhere there is
// none here, and nothing happens).
#pragma once

namespace kvmem {

namespace detail {

unsigned float_control();  // this thread's

// This thread has that control word while it lives.
class FloatControl {
  public:
    explicit FloatControl(unsigned word);
    ~FloatControl();
    FloatControl(const FloatControl&) = delete;
    FloatControl& operator=(const FloatControl&) = delete;

  private:
    unsigned before_;
};

}  // namespace detail

// While it lives, this thread and the bodies of the loops that it starts (parallel.hpp) take numbers below the smallest
// normal one, about 1e-38, for zero. Products with them are a hundred times slower on x86, and gradients of what is
// learned well are full of them. Results do not depend on the number of threads: each thread does the same.
class FlushSubnormals {
  public:
    FlushSubnormals();

  private:
    detail::FloatControl control_;
};

}  // namespace kvmem
