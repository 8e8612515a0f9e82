// bfloat16: the upper 16 bits of a float, with its range and 8 bits of precision (a relative error of 2^-9).
#pragma once

#include "kvmem/core/matrix.hpp"

#include <bit>
#include <cstdint>

namespace kvmem {

struct Bfloat16 {
    // Sign, exponent and seven bits of the fraction.
    std::uint16_t bits = 0;

    Bfloat16() = default;
    // Rounds to the nearest number, ties to even. NaN stays NaN.
    explicit Bfloat16(float x) {
        const auto whole = std::bit_cast<std::uint32_t>(x);
        const bool nan = (whole & 0x7fffffffu) > 0x7f800000u;
        bits = static_cast<std::uint16_t>(nan ? (whole >> 16) | 0x40u : (whole + 0x7fffu + ((whole >> 16) & 1u)) >> 16);
    }
    explicit operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
};

// A view of rows that cannot be changed.
using Bfloat16View = BasicView<const Bfloat16>;

}  // namespace kvmem
