// Weights of a layer, packed once for products with few rows: decoding token by token is bound by reading them.
#pragma once

#include "kvmem/core/arena.hpp"
#include "kvmem/core/matrix.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kvmem {

// How packed weights are stored: as they are; rounded to 16 bits; or as 8 bits with a scale for each output, where the
// rows that are multiplied are rounded to 8 bits, too, each with a scale of its own (Dettmers et al. 2022, section 2).
enum class WeightForm { f32, bf16, int8 };

// A packed copy of a weight [out, in]. Several threads may multiply by it.
class PackedWeights {
  public:
    // Copies the weight; it may change afterwards. Throws Error for more than 133,144 inputs with int8, whose sums
    // could overflow.
    PackedWeights(ConstView weight, WeightForm form);

    // The widths of inputs and outputs, the form, and the bytes that a product reads.
    Index in() const { return in_; }
    Index out() const { return out_; }
    WeightForm form() const { return form_; }
    std::size_t bytes() const { return numbers_.size() * sizeof(Real) + codes_.size() * sizeof(codes_[0]); }

    // y [B, out] = x [B, in] W', or y += x W'. With f32 the bits are those of gemm(), as long as `in` is not above
    // 4,096; those of int8 are the same with and without VNNI. A row that is not finite gives NaN with
    // int8. Throws Error when shapes do not fit. `scratch` is used within the call. Bound by reading the weights with
    // few rows, which all threads share, and by multiply-adds with many.
    void multiply(ConstView x, bool add, View y, Arena& scratch) const;

  private:
    void multiply_numbers(ConstView x, bool add, View y) const;
    void multiply_codes(ConstView x, bool add, View y, Arena& scratch) const;

    Index in_, out_;
    WeightForm form_;
    std::vector<Real> numbers_;         // panels of f32
    std::vector<std::uint32_t> codes_;  // tiles of 64 outputs (kernels/scan/scan.hpp)
    std::vector<float> scales_;         // of the outputs, with int8
};

}  // namespace kvmem
