// Operands of products: rows that are packed or widened, and scores that biases and masks adjust.
#pragma once

#include "kernels/simd/product.hpp"
#include "kernels/simd/table.hpp"

namespace kvmem::KVMEM_SIMD {
namespace {

using detail::Head;
using detail::HeadGradients;
using detail::HeadOutput;
using detail::Part;

// Scratch that is taken piece by piece.
struct Scratch {
    Real* at;

    KVMEM_INLINE Real* take(Index count) { return (at += count) - count; }
};

// out[k * out_row + i] = factor * rows[i][k] for k in [0, width), i in [0, count rounded up to lanes): 0 beyond count.
inline void pack_transposed(const Real* rows, Index row, Index count, Index width, Real factor, Real* out,
                            Index out_row) {
    for (Index i = 0; i < count; i += lanes)
        for (Index k = 0; k < width; k += lanes) {
            const Index height = min(lanes, count - i), wide = min(lanes, width - k);
            Vector square[lanes];
#pragma GCC unroll 16
            for (Index r = 0; r < lanes; ++r)
                square[r] = r < height ? factor * load_up_to(rows + (i + r) * row + k, wide) : Vector{};
            transpose(square);
#pragma GCC unroll 16
            for (Index r = 0; r < lanes; ++r)
                if (r < wide) store(out + (k + r) * out_row + i, square[r]);
        }
}

KVMEM_INLINE void copy(const Real* from, Index count, Real* to) {
    Index i = 0;
    for (; i + lanes <= count; i += lanes) store(to + i, load(from + i));
    if (i < count) store_part(to + i, load_part(from + i, count - i), count - i);
}

KVMEM_INLINE Vector widen(const Bfloat16* p) {
    using Halves [[gnu::vector_size(lanes * 2)]] = std::uint16_t;
    using Words [[gnu::vector_size(lanes * 4)]] = std::uint32_t;
    using Floats [[gnu::vector_size(lanes * 4)]] = float;
    Halves halves;
    __builtin_memcpy(&halves, p, sizeof halves);
    const auto whole = reinterpret_cast<Floats>(__builtin_convertvector(halves, Words) << 16);
    return __builtin_convertvector(whole, Vector);
}
KVMEM_INLINE Vector widen_part(const Bfloat16* p, Index count) {
    Bfloat16 all[lanes] = {};
    for (Index i = 0; i < count; ++i) all[i] = p[i];
    return widen(all);
}
KVMEM_INLINE Vector widen(const Real* p) { return load(p); }
KVMEM_INLINE Vector widen_part(const Real* p, Index count) { return load_part(p, count); }

// The rows one after the other: copied to scratch unless they lie so already. Rows that are far apart, such as those of
// one head among several, would fall into few sets of the caches.
inline const Real* in_a_row(const Real* rows, Index row, Index count, Index width, Real* scratch) {
    if (row == width) return rows;
    for (Index i = 0; i < count; ++i) copy(rows + i * row, width, scratch + i * width);
    return scratch;
}
inline const Real* in_a_row(const Bfloat16* rows, Index row, Index count, Index width, Real* scratch) {
    for (Index i = 0; i < count; ++i) {
        Index k = 0;
        for (; k + lanes <= width; k += lanes) store(scratch + i * width + k, widen(rows + i * row + k));
        if (k < width) store_part(scratch + i * width + k, widen_part(rows + i * row + k, width - k), width - k);
    }
    return scratch;
}

// Slots [first, end) of a head, their keys and values one after the other.
struct Panel {
    Index first, end;
    const Real *key, *value;
    // The end of the slots to prefetch, where slots are read in place from a memory larger than the caches; 0
    // elsewhere.
    Index end_ahead = 0;
};
inline Panel panel_of(const Head& head, Index first, Index end, Real* keys, Real* values) {
    const Index d = head.key_width, e = head.value_width, n = end - first;
    if (head.bf16_key)
        return {first, end, in_a_row(head.bf16_key + first * head.key_row, head.key_row, n, d, keys),
                in_a_row(head.bf16_value + first * head.value_row, head.value_row, n, e, values)};
    return {first, end, in_a_row(head.key + first * head.key_row, head.key_row, n, d, keys),
            in_a_row(head.value + first * head.value_row, head.value_row, n, e, values)};
}

// The slots of a panel that the mask leaves to any of these queries.
struct Range {
    Index begin, end;
};
inline Range readable(const Head& head, const Panel& slots, Index first_query, Index queries) {
    const Index begin = head.first_readable(first_query), end = head.end_readable(first_query + queries - 1);
    return {slots.first > begin ? slots.first : begin, min(slots.end, end)};
}

// Calls body(first, end) for blocks of nearly equal size that cover [first, end). All but the last are whole tiles.
template <class Body>
KVMEM_INLINE void each_block(Index first, Index end, Body body) {
    if (first >= end) return;
    const Index blocks = (end - first + detail::slot_block - 1) / detail::slot_block;
    const Index size = round_up((end - first + blocks - 1) / blocks, tile_rows(panel_vectors));
    for (; first < end; first += size) body(first, min(end, first + size));
}

// Whether biases or masks adjust the scaled dot products of these queries and slots.
inline bool adjusted(const Head& head, Index first_query, Index queries, Index first_slot, Index slots) {
    if (head.slot_bias || head.pair_bias || head.slope != 0) return true;
    return head.banded && (head.first_readable(first_query + queries - 1) > first_slot ||
                           head.end_readable(first_query) < first_slot + slots);
}

// The lowest score with this bias: -inf only where the bias is -inf. larger(floor, score) passes NaN on.
inline Real floor_of(Real bias) { return bias < detail::lowest ? bias : detail::lowest; }

// Adds biases to scores [slots, columns] and masks the slots out of reach.
inline void adjust(const Head& head, Index first_query, Index queries, Index first_slot, Index slots, Real* scores,
                   Index columns) {
    const Real far = -minus_infinity;
    const Real behind = head.banded ? Real(head.behind) : far, ahead = head.banded ? Real(head.ahead) : far;
    Vector counting;
    for (Index l = 0; l < lanes; ++l) counting[l] = Real(l);
    for (Index j = 0; j < slots; ++j) {
        const Index slot = first_slot + j;
        const Real slot_bias = head.slot_bias ? log2_e * head.slot_bias[slot * head.slot_bias_row] : 0;
        const Vector floor =
            repeat(head.slot_bias ? floor_of(head.slot_bias[slot * head.slot_bias_row]) : minus_infinity);
        for (Index c = 0; c < columns; c += lanes) {
            Vector score = larger(floor, load(scores + j * columns + c) + slot_bias);
            const Vector distance = counting + Real(head.place(first_query + c) - slot);
            if (head.pair_bias) {
                Vector bias = {};
                for (Index l = 0; l < min(lanes, queries - c); ++l)
                    bias[l] = head.pair_bias[(first_query + c + l) * head.pair_bias_row + slot * head.pair_bias_step];
                const Vector masked = score < bias ? score : bias;  // -inf where the slot or the pair is
                score = larger(masked < detail::lowest ? masked : repeat(detail::lowest), score + log2_e * bias);
            }
            if (head.slope != 0) score -= (log2_e * head.slope) * (distance < Real(0) ? -distance : distance);
            const Vector none = repeat(minus_infinity);
            score = distance > behind ? none : score;
            score = -distance > ahead ? none : score;
            store(scores + j * columns + c, score);
        }
    }
}

}  // namespace
}  // namespace kvmem::KVMEM_SIMD
