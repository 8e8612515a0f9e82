// Half precision. Not installed.
#pragma once

#include "kvmem/core/types.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace kvmem {

// IEEE 754's binary16.
struct Half {
    std::uint16_t bits;
    explicit operator Real() const {
        const int exponent = bits >> 10 & 31, fraction = bits & 1023;
        double size = std::ldexp(exponent == 0 ? fraction : 1024 + fraction, std::max(exponent, 1) - 25);
        if (exponent == 31) size = fraction == 0 ? HUGE_VAL : std::nan("");
        return static_cast<Real>((bits & 0x8000) != 0 ? -size : size);
    }
};

}  // namespace kvmem
