#include "kvmem/kernels/packed_weights.hpp"

#include "kernels/scan/scan.hpp"
#include "kernels/simd/table.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>

namespace kvmem {

namespace {
constexpr Index tile = detail::scan_tile;
// What is worth a task of its own: bytes of weights that one row reads, or multiplications.
constexpr Index task_bytes = Index{1} << 18, task_work = Index{1} << 21;

// The number of tiles in a task, from the bytes and the multiplications of a tile.
Index tiles_of_task(Index bytes, Index work) {
    return std::max<Index>(1, std::min(task_bytes / std::max<Index>(bytes, 1), task_work / std::max<Index>(work, 1)));
}

detail::Product product_of(ConstView x, const Real* weights, View y) {
    return {.rows = x.rows,
            .cols = y.cols,
            .depth = x.cols,
            .a = x.data,
            .a_row = x.cols,
            .a_step = 1,
            .b = weights,
            .b_row = 0,
            .c = y.data,
            .c_row = y.cols};
}
}  // namespace

PackedWeights::PackedWeights(ConstView weight, WeightForm form) : in_(weight.cols), out_(weight.rows), form_(form) {
    const Index tiles = (out_ + tile - 1) / tile;
#ifdef KVMEM_REAL_DOUBLE
    form_ = WeightForm::f32;  // double is for checks, which compare with exact products
#else
    require_shape(form != WeightForm::int8 || in_ <= 133144, "PackedWeights", "at most 133,144 inputs with int8");
    if (form_ != WeightForm::f32) {
        const auto code = form_ == WeightForm::int8 ? detail::CodeFormat::int8 : detail::CodeFormat::bfloat16;
        const Index words = detail::code_words(code, in_);
        codes_.resize(tiles * words * tile);
        if (form_ == WeightForm::int8) scales_.resize(tiles * tile);
        for (Index t = 0; t < tiles && words > 0; ++t)
            detail::encode_tile(code, weight.row(t * tile), std::min(tile, out_ - t * tile), in_, nullptr,
                                codes_.data() + t * words * tile, scales_.empty() ? nullptr : &scales_[t * tile]);
        return;
    }
#endif
    numbers_.resize(tiles * tile * in_);
    detail::Product p = product_of({nullptr, 0, in_}, weight.data, {nullptr, 0, out_});
    p.b_row = 1;
    if (!weight.empty()) detail::simd().pack_panels(p, in_, numbers_.data());
}

void PackedWeights::multiply(ConstView x, bool add, View y, Arena& scratch) const {
    require_shape(x.cols == in_ && y.cols == out_ && y.rows == x.rows, "PackedWeights::multiply",
                  "x [B, in] and y [B, out]");
    if (in_ == 0 && !add) std::ranges::fill(y.span(), Real{0});
    if (in_ == 0 || y.empty()) return;
    if (form_ == WeightForm::f32)
        multiply_numbers(x, add, y);
    else
        multiply_codes(x, add, y, scratch);
}

void PackedWeights::multiply_numbers(ConstView x, bool add, View y) const {
    const Index grain = tiles_of_task(in_ * tile * Index{sizeof(Real)}, x.rows * in_ * tile);
    parallel_for((out_ + tile - 1) / tile, grain, [&](Index first, Index last) {
        detail::Product p = product_of(x, numbers_.data() + first * tile * in_, y);
        p.c += first * tile;
        p.cols = std::min(out_, last * tile) - first * tile;
        detail::simd().packed_product(add, p);
    });
}

#ifdef KVMEM_REAL_DOUBLE
void PackedWeights::multiply_codes(ConstView, bool, View, Arena&) const {}
#else
void PackedWeights::multiply_codes(ConstView x, bool add, View y, Arena& scratch) const {
    const ArenaScope scope(scratch);
    const bool is_int8 = form_ == WeightForm::int8;
    const Index words = detail::code_words(is_int8 ? detail::CodeFormat::int8 : detail::CodeFormat::bfloat16, in_);
    const std::span<float> row_scales = scratch.take<float>(x.rows);
    const std::span<std::int32_t> starts = scratch.take<std::int32_t>(x.rows);
    const void* rows = x.data;
    if (is_int8) {
        const std::span<std::int8_t> codes = scratch.take<std::int8_t>(x.rows * words * 4);
        for (Index i = 0; i < x.rows; ++i)
            detail::scan().encode_row(x.row(i), in_, codes.data() + i * words * 4, row_scales[i], starts[i]);
        rows = codes.data();
    } else if (in_ % 2 == 1) {
        const View even = scratch.matrix(x.rows, words * 2);
        for (Index i = 0; i < x.rows; ++i) *std::copy_n(x.row(i), in_, even.row(i)) = 0;
        rows = even.data;
    }
    const Index tile_bytes = words * tile * 4;
    parallel_for((out_ + tile - 1) / tile, tiles_of_task(tile_bytes, x.rows * in_ * tile),
                 [&](Index first, Index last) {
                     for (Index t = first; t < last; ++t) {
                         const detail::CodeTile codes{.codes = codes_.data() + t * words * tile,
                                                      .words = words,
                                                      .affine = {is_int8 ? &scales_[t * tile] : nullptr, nullptr},
                                                      .queries = rows,
                                                      .scales = row_scales.data(),
                                                      .starts = starts.data(),
                                                      .count = x.rows,
                                                      .exceeds_l2 = true};
                         const detail::PanelOutput out{y.data + t * tile, y.cols, std::min(tile, out_ - t * tile), add};
                         (is_int8 ? detail::scan().multiply_int8 : detail::scan().multiply_bf16)(codes, out);
                     }
                 });
}
#endif

}  // namespace kvmem
