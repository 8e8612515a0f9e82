// The loops of kernels/scan.hpp for one instruction set, KVMEM_SIMD. Nothing here may come from the standard library,
// as in simd/kernels.hpp.
#pragma once

#include "kernels/scan/scan.hpp"
#include "kernels/simd/vector.hpp"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace kvmem::KVMEM_SIMD {
namespace {

using detail::Affine;
using detail::CodeTile;
using detail::RowTile;
using detail::ScanOutput;

using Ints [[gnu::vector_size(vector_bytes)]] = std::int32_t;
using Words [[gnu::vector_size(vector_bytes)]] = std::uint32_t;

constexpr Index tile_slots = detail::scan_tile;
// How many bytes before their use codes are prefetched.
constexpr Index scan_bytes_ahead = 16384;

KVMEM_INLINE Words load_words(const std::uint32_t* p) {
    Words v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

// A bit for each lane in which a >= b; none where either is NaN.
KVMEM_INLINE std::uint64_t reaches(Vector a, Vector b) {
#if defined(__AVX512F__)
    return _mm512_cmp_ps_mask(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b), _CMP_GE_OQ);
#elif defined(__AVX__)
    return static_cast<std::uint64_t>(
        _mm256_movemask_ps(_mm256_cmp_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b), _CMP_GE_OQ)));
#else
    std::uint64_t bits = 0;
    for (Index i = 0; i < lanes; ++i) bits |= static_cast<std::uint64_t>(a[i] >= b[i]) << i;
    return bits;
#endif
}

KVMEM_INLINE Vector score_of(Vector product, const Affine& affine, Index slot) {
    if (affine.factor) product *= load(affine.factor + slot);
    if (affine.bias) product += load(affine.bias + slot);
    return product;
}

// 24 sums (AVX-512) or 12 stay in registers, as in simd/product.hpp: 6 queries by all slots of a tile, or by a part.
constexpr Index scan_vectors = vector_bytes == 64 ? 4 : 2;

// Turns product(v), v in [0, scan_vectors), into scores of slots from `slot` on, and stores them if one of them reaches
// the threshold.
template <class Product>
KVMEM_INLINE void report(const Affine& affine, Index slot, Index query, const ScanOutput& out, Product product) {
    Vector score[scan_vectors];
    std::uint64_t above = 0;
    const Vector threshold = repeat(out.threshold[query]);
#pragma GCC unroll 4
    for (Index v = 0; v < scan_vectors; ++v) {
        score[v] = score_of(product(v), affine, slot + v * lanes);
        above |= reaches(score[v], threshold) << (v * lanes);
    }
    if (above == 0) return;
    out.above[query] |= above << slot;
    for (Index v = 0; v < scan_vectors; ++v) store(out.scores + query * tile_slots + slot + v * lanes, score[v]);
}

// --- int8 ------------------------------------------------------------------------------------------------

// sum + the four products of unsigned bytes of the slots with signed bytes of the query, exactly.
KVMEM_INLINE Ints add_int8_products(Ints sum, Words slots, std::uint32_t query) {
#if defined(__AVX512VNNI__)
    return reinterpret_cast<Ints>(_mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(slots),
                                                      _mm512_set1_epi32(static_cast<int>(query))));
#elif defined(__SSE2__)
    // Bytes 0 and 2, then 1 and 3, as 16-bit numbers.
    const Words even = slots & 0x00ff00ffu, odd = (slots >> 8) & 0x00ff00ffu;
    const auto word = [](std::uint32_t low, std::uint32_t high) {
        const auto wide = [](std::uint32_t byte) {
            return static_cast<std::uint32_t>(static_cast<std::int32_t>(byte << 24) >> 24) & 0xffffu;
        };
        return static_cast<int>(wide(low) | (wide(high) << 16));
    };
    const int even_query = word(query & 0xffu, (query >> 16) & 0xffu);
    const int odd_query = word((query >> 8) & 0xffu, query >> 24);
#if defined(__AVX512F__)
    const auto products = [](Words a, int b) {
        return reinterpret_cast<Ints>(_mm512_madd_epi16(reinterpret_cast<__m512i>(a), _mm512_set1_epi32(b)));
    };
#elif defined(__AVX2__)
    const auto products = [](Words a, int b) {
        return reinterpret_cast<Ints>(_mm256_madd_epi16(reinterpret_cast<__m256i>(a), _mm256_set1_epi32(b)));
    };
#else
    const auto products = [](Words a, int b) {
        return reinterpret_cast<Ints>(_mm_madd_epi16(reinterpret_cast<__m128i>(a), _mm_set1_epi32(b)));
    };
#endif
    return sum + products(even, even_query) + products(odd, odd_query);
#else
    for (int byte = 0; byte < 4; ++byte) {
        const auto factor = static_cast<std::int32_t>(query << (24 - 8 * byte)) >> 24;
        sum += reinterpret_cast<Ints>((slots >> (8 * byte)) & 0xffu) * factor;
    }
    return sum;
#endif
}

// sum[q][v] = the start of query `first` + q, and its products with all numbers of the slots from `slot` on.
template <Index queries, bool prefetch>
KVMEM_INLINE void int8_sums(const CodeTile& tile, Index first, Index slot, Ints (&sum)[queries][scan_vectors]) {
    const std::uint32_t* query = static_cast<const std::uint32_t*>(tile.queries) + first * tile.words;
#pragma GCC unroll 8
    for (Index q = 0; q < queries; ++q)
#pragma GCC unroll 4
        for (Index v = 0; v < scan_vectors; ++v) sum[q][v] = Ints{} + tile.starts[first + q];
    const std::uint32_t* codes = tile.codes + slot;
    for (Index w = 0; w < tile.words; ++w, codes += tile_slots) {
        Words slots[scan_vectors];
#pragma GCC unroll 4
        for (Index v = 0; v < scan_vectors; ++v) {
            if constexpr (prefetch) __builtin_prefetch(codes + v * lanes + scan_bytes_ahead / 4);
            slots[v] = load_words(codes + v * lanes);
        }
#pragma GCC unroll 8
        for (Index q = 0; q < queries; ++q)
#pragma GCC unroll 4
            for (Index v = 0; v < scan_vectors; ++v)
                sum[q][v] = add_int8_products(sum[q][v], slots[v], query[q * tile.words + w]);
    }
}

template <Index queries, bool prefetch>
KVMEM_INLINE void int8_panel(const CodeTile& tile, Index first, Index slot, const ScanOutput& out) {
    Ints sum[queries][scan_vectors];
    int8_sums<queries, prefetch>(tile, first, slot, sum);
#pragma GCC unroll 8
    for (Index q = 0; q < queries; ++q)
        report(tile.affine, slot, first + q, out,
               [&](Index v) { return __builtin_convertvector(sum[q][v], Vector) * tile.scales[first + q]; });
}

// --- bfloat16 --------------------------------------------------------------------------------------------

template <Index queries, bool prefetch>
KVMEM_INLINE void bf16_sums(const CodeTile& tile, Index first, Index slot, Vector (&sum)[queries][scan_vectors]) {
    const float* query = static_cast<const float*>(tile.queries) + first * tile.words * 2;
    const std::uint32_t* codes = tile.codes + slot;
    for (Index w = 0; w < tile.words; ++w, codes += tile_slots) {
        Vector low[scan_vectors], high[scan_vectors];
#pragma GCC unroll 4
        for (Index v = 0; v < scan_vectors; ++v) {
            if constexpr (prefetch) __builtin_prefetch(codes + v * lanes + scan_bytes_ahead / 4);
            const Words both = load_words(codes + v * lanes);
            low[v] = reinterpret_cast<Vector>(both << 16);
            high[v] = reinterpret_cast<Vector>(both & 0xffff0000u);
        }
#pragma GCC unroll 8
        for (Index q = 0; q < queries; ++q)
#pragma GCC unroll 4
            for (Index v = 0; v < scan_vectors; ++v) {
                sum[q][v] += query[(q * tile.words + w) * 2] * low[v];
                sum[q][v] += query[(q * tile.words + w) * 2 + 1] * high[v];
            }
    }
}

template <Index queries, bool prefetch>
KVMEM_INLINE void bf16_panel(const CodeTile& tile, Index first, Index slot, const ScanOutput& out) {
    Vector sum[queries][scan_vectors] = {};
    bf16_sums<queries, prefetch>(tile, first, slot, sum);
#pragma GCC unroll 8
    for (Index q = 0; q < queries; ++q) report(tile.affine, slot, first + q, out, [&](Index v) { return sum[q][v]; });
}

// All queries on a tile: 6 at a time, then the rest.
template <bool bf16>
KVMEM_INLINE void code_tile(const CodeTile& tile, const ScanOutput& out) {
    const auto panels = [&]<Index queries, bool prefetch>(Index first) {
        for (Index slot = 0; slot < tile_slots; slot += scan_vectors * lanes)
            if constexpr (bf16)
                bf16_panel<queries, prefetch>(tile, first, slot, out);
            else
                int8_panel<queries, prefetch>(tile, first, slot, out);
    };
    for (Index q = 0; q < tile.count; ++q) out.above[q] = 0;
    Index q = 0;
    // The first queries prefetch for all.
    if (tile.exceeds_l2 && tile.count >= 4)
        panels.template operator()<4, true>(q), q += 4;
    else if (tile.exceeds_l2 && tile.count > 0)
        panels.template operator()<1, true>(q), q += 1;
    for (; q + 6 <= tile.count; q += 6) panels.template operator()<6, false>(q);
    if (q + 4 <= tile.count) panels.template operator()<4, false>(q), q += 4;
    if (q + 2 <= tile.count) panels.template operator()<2, false>(q), q += 2;
    if (q < tile.count) panels.template operator()<1, false>(q);
}
void scan_int8(const CodeTile& tile, const ScanOutput& out) { code_tile<false>(tile, out); }
void scan_bf16(const CodeTile& tile, const ScanOutput& out) { code_tile<true>(tile, out); }

// --- Products with a layer's weights --------------------------------------------------------------------

// y = value, or y += value, for the outputs that exist.
KVMEM_INLINE void put(const detail::PanelOutput& out, Index row, Index at, Vector value) {
    if (at >= out.outputs) return;
    float* y = out.y + row * out.y_row + at;
    const Index count = out.outputs - at;
    store_up_to(y, out.add ? load_up_to(y, count) + value : value, count);
}

template <Index rows, bool prefetch>
KVMEM_INLINE void int8_outputs(const CodeTile& tile, Index first, Index slot, const detail::PanelOutput& out) {
    Ints sum[rows][scan_vectors];
    int8_sums<rows, prefetch>(tile, first, slot, sum);
#pragma GCC unroll 8
    for (Index r = 0; r < rows; ++r)
#pragma GCC unroll 4
        for (Index v = 0; v < scan_vectors; ++v) {
            const Index at = slot + v * lanes;
            // The scales first: a sum times the larger of them alone could overflow.
            const Vector scale = load(tile.affine.factor + at) * tile.scales[first + r];
            put(out, first + r, at, __builtin_convertvector(sum[r][v], Vector) * scale);
        }
}

template <Index rows, bool prefetch>
KVMEM_INLINE void bf16_outputs(const CodeTile& tile, Index first, Index slot, const detail::PanelOutput& out) {
    Vector sum[rows][scan_vectors] = {};
    bf16_sums<rows, prefetch>(tile, first, slot, sum);
#pragma GCC unroll 8
    for (Index r = 0; r < rows; ++r)
#pragma GCC unroll 4
        for (Index v = 0; v < scan_vectors; ++v) put(out, first + r, slot + v * lanes, sum[r][v]);
}

// All rows on a panel: 6 at a time, then the rest. A single row is bound by the memory, and prefetches.
template <bool bf16>
KVMEM_INLINE void code_panel(const CodeTile& tile, const detail::PanelOutput& out) {
    const auto panels = [&]<Index rows, bool prefetch>(Index first) {
        for (Index slot = 0; slot < out.outputs; slot += scan_vectors * lanes)
            if constexpr (bf16)
                bf16_outputs<rows, prefetch>(tile, first, slot, out);
            else
                int8_outputs<rows, prefetch>(tile, first, slot, out);
    };
    Index r = 0;
    if (tile.exceeds_l2 && tile.count == 1) panels.template operator()<1, true>(r), r += 1;
    for (; r + 6 <= tile.count; r += 6) panels.template operator()<6, false>(r);
    if (r + 4 <= tile.count) panels.template operator()<4, false>(r), r += 4;
    if (r + 2 <= tile.count) panels.template operator()<2, false>(r), r += 2;
    if (r < tile.count) panels.template operator()<1, false>(r);
}
void multiply_int8(const CodeTile& tile, const detail::PanelOutput& out) { code_panel<false>(tile, out); }
void multiply_bf16(const CodeTile& tile, const detail::PanelOutput& out) { code_panel<true>(tile, out); }

// x = scale * code + error. A row that is not finite gets a scale of NaN.
void encode_row(const float* x, Index width, std::int8_t* codes, float& scale, std::int32_t& start) {
    using Bytes [[gnu::vector_size(vector_bytes / 4)]] = std::int8_t;
    Vector largest = {}, wrong = {};
    for (Index k = 0; k < width; k += lanes) {
        const Vector v = load_up_to(x + k, width - k);
        largest = larger(larger(v, -v), largest);
        wrong += v * 0.0f;
    }
    float top = 0;
    bool finite = true;
    for (Index i = 0; i < lanes; ++i) {
        top = largest[i] > top ? largest[i] : top;
        finite = finite && wrong[i] == 0;
    }
    scale = top / 127;
    const float inverse = scale >= 1e-37f && finite ? 1 / scale : 0;
    if (inverse == 0) scale = finite ? 0 : __builtin_nanf("");
    Ints sum = {};
    for (Index k = 0; k < width; k += lanes) {
        const Vector exact = finite ? load_up_to(x + k, width - k) * inverse : Vector{};
        const Vector half = exact < Vector{} ? Vector{} - 0.5f : Vector{} + 0.5f;
        const Ints code = __builtin_convertvector(exact + half, Ints);
        sum += code;
        const auto bytes = __builtin_convertvector(code, Bytes);
        __builtin_memcpy(codes + k, &bytes, static_cast<std::size_t>(min(lanes, (width - k + 3) / 4 * 4)));
    }
    start = 0;
    for (Index i = 0; i < lanes; ++i) start -= 128 * sum[i];
}

// --- Rows ------------------------------------------------------------------------------------------------

// Products of `queries` queries with lanes / queries rows each, in the lanes of one vector, query after query.
template <Index queries>
KVMEM_INLINE Vector row_products(const RowTile& tile, Index first_query, Index slot) {
    constexpr Index rows = lanes / queries;
    Vector sum[lanes] = {};
    const float* query = tile.queries + first_query * tile.query_row;
    const float* at[rows];
#pragma GCC unroll 16
    for (Index r = 0; r < rows; ++r) at[r] = tile.rows + min(slot + r, tile.slots - 1) * tile.row;
    Index k = 0;
    for (; k + lanes <= tile.width; k += lanes) {
        Vector x[queries];
#pragma GCC unroll 16
        for (Index q = 0; q < queries; ++q) x[q] = load(query + q * tile.query_row + k);
#pragma GCC unroll 16
        for (Index r = 0; r < rows; ++r) {
            const Vector y = load(at[r] + k);
#pragma GCC unroll 16
            for (Index q = 0; q < queries; ++q) sum[q * rows + r] += x[q] * y;
        }
    }
    if (k < tile.width) {
        const Index rest = tile.width - k;
#pragma GCC unroll 16
        for (Index r = 0; r < rows; ++r) {
            const Vector y = load_part(at[r] + k, rest);
#pragma GCC unroll 16
            for (Index q = 0; q < queries; ++q)
                sum[q * rows + r] += load_part(query + q * tile.query_row + k, rest) * y;
        }
    }
    return sums_of(sum);
}
// The same row after row, for a memory that exceeds the caches (simd/rows.hpp says why).
template <Index queries>
KVMEM_INLINE Vector streamed_row_products(const RowTile& tile, Index first_query, Index slot) {
    constexpr Index rows = lanes / queries;
    alignas(64) float each[lanes * lanes];
    const float* query = tile.queries + first_query * tile.query_row;
#pragma GCC unroll 1
    for (Index r = 0; r < rows; ++r) {
        const float* row = tile.rows + min(slot + r, tile.slots - 1) * tile.row;
        Vector sum[queries] = {};
#pragma GCC unroll 1
        for (Index k = 0; k < tile.width; k += lanes) {
            const Index count = tile.width - k;
            const Vector y = load_up_to(row + k, count);
#pragma GCC unroll 16
            for (Index q = 0; q < queries; ++q) sum[q] += load_up_to(query + q * tile.query_row + k, count) * y;
        }
#pragma GCC unroll 16
        for (Index q = 0; q < queries; ++q) store(each + (q * rows + r) * lanes, sum[q]);
    }
    Vector sum[lanes];
#pragma GCC unroll 16
    for (Index i = 0; i < lanes; ++i) sum[i] = load(each + i * lanes);
    return sums_of(sum);
}

template <Index queries, bool prefetch>
KVMEM_INLINE void row_scores(const RowTile& tile, Index first, const ScanOutput& out) {
    constexpr Index rows = lanes / queries;
    for (Index slot = 0; slot < tile.slots; slot += rows) {
        float products[lanes];
        store(products,
              prefetch ? streamed_row_products<queries>(tile, first, slot) : row_products<queries>(tile, first, slot));
        for (Index q = 0; q < queries; ++q)
            __builtin_memcpy(out.scores + (first + q) * tile_slots + slot, products + q * rows, sizeof(float) * rows);
    }
}

inline std::uint64_t above(const float* products, Index slots, const Affine& affine, float threshold, float* scores) {
    std::uint64_t bits = 0;
    const Vector all = repeat(threshold);
    for (Index slot = 0; slot < slots; slot += lanes) {
        const Index count = min(lanes, slots - slot);
        Vector score = load_up_to(products + slot, count);
        if (affine.factor) score *= load_up_to(affine.factor + slot, count);
        if (affine.bias) score += load_up_to(affine.bias + slot, count);
        bits |= reaches(score, all) << slot;
        store_up_to(scores + slot, score, count);
    }
    return slots < tile_slots ? bits & ((std::uint64_t{1} << slots) - 1) : bits;
}

void scan_rows(const RowTile& tile, const ScanOutput& out) {
    Index q = 0;
    if (tile.exceeds_l2 && tile.count >= 4)
        row_scores<4, true>(tile, q, out), q += 4;
    else if (tile.exceeds_l2 && tile.count > 0)
        row_scores<1, true>(tile, q, out), q += 1;
    for (; q + 4 <= tile.count; q += 4) row_scores<4, false>(tile, q, out);
    if (q + 2 <= tile.count) row_scores<2, false>(tile, q, out), q += 2;
    if (q < tile.count) row_scores<1, false>(tile, q, out);
    for (q = 0; q < tile.count; ++q) {
        float* scores = out.scores + q * tile_slots;
        out.above[q] = above(scores, tile.slots, tile.affine, out.threshold[q], scores);
    }
}

// --- Exact scores ----------------------------------------------------------------------------------------

using Doubles [[gnu::vector_size(vector_bytes)]] = double;
constexpr Index double_lanes = lanes / 2;
using HalfFloats [[gnu::vector_size(vector_bytes / 2)]] = float;

KVMEM_INLINE Doubles load_doubles(const float* p) {
    HalfFloats v;
    __builtin_memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, Doubles);
}

template <class Term>
KVMEM_INLINE double sum_terms(const float* a, const float* b, Index width, Term term) {
    Doubles sum[4] = {};
    Index k = 0;
    for (; k + 4 * double_lanes <= width; k += 4 * double_lanes)
#pragma GCC unroll 4
        for (Index i = 0; i < 4; ++i)
            sum[i] += term(load_doubles(a + k + i * double_lanes), load_doubles(b + k + i * double_lanes));
    const Doubles all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    double total = 0;
    for (Index i = 0; i < double_lanes; ++i) total += all[i];
    for (; k < width; ++k) total += term(double{a[k]}, double{b[k]});
    return total;
}
double product(const float* a, const float* b, Index width) {
    return sum_terms(a, b, width, [](auto x, auto y) { return x * y; });
}
double square_distance(const float* a, const float* b, Index width) {
    return sum_terms(a, b, width, [](auto x, auto y) { return (x - y) * (x - y); });
}

using Longs [[gnu::vector_size(vector_bytes)]] = std::int64_t;

KVMEM_INLINE Doubles doubles_at(const double* p) {
    Doubles x;
    __builtin_memcpy(&x, p, sizeof x);
    return x;
}

// With 1.5 * 2^52 added, the low bits of a double are its nearest whole number.
KVMEM_INLINE void add_whole_lanes(double weight, const float* values, const double* units, std::int64_t* sums) {
    const Doubles numbers = load_doubles(values) * weight * doubles_at(units);
    const Longs whole = reinterpret_cast<Longs>(numbers + 0x1.8p52) - 0x4338000000000000;
    Longs sum;
    __builtin_memcpy(&sum, sums, sizeof sum);
    sum += whole;
    __builtin_memcpy(sums, &sum, sizeof sum);
}
void add_whole(double weight, const float* values, const double* units, Index width, std::int64_t* sums) {
    Index k = 0;
    for (; k + double_lanes <= width; k += double_lanes) add_whole_lanes(weight, values + k, units + k, sums + k);
    if (k == width) return;
    float rest[double_lanes] = {};
    double rest_units[double_lanes] = {};
    std::int64_t rest_sums[double_lanes] = {};
    for (Index i = 0; k + i < width; ++i) rest[i] = values[k + i], rest_units[i] = units[k + i];
    add_whole_lanes(weight, rest, rest_units, rest_sums);
    for (Index i = 0; k + i < width; ++i) sums[k + i] += rest_sums[i];
}

KVMEM_INLINE Doubles max_lanes(double weight, Doubles values, Doubles maxima) {
    Doubles x = values * weight;
    x = x < 0 ? -x : x;
    x = x <= 0x1.fffffffffffffp1023 ? x : Doubles{} + __builtin_inf();
    return x > maxima ? x : maxima;
}
void max_products(double weight, const float* values, Index width, double* maxima) {
    Index k = 0;
    for (; k + double_lanes <= width; k += double_lanes) {
        const Doubles max = max_lanes(weight, load_doubles(values + k), doubles_at(maxima + k));
        __builtin_memcpy(maxima + k, &max, sizeof max);
    }
    if (k == width) return;
    float rest[double_lanes] = {};
    for (Index i = 0; k + i < width; ++i) rest[i] = values[k + i];
    const Doubles max = max_lanes(weight, load_doubles(rest), Doubles{});
    for (Index i = 0; k + i < width; ++i) maxima[k + i] = max[i] > maxima[k + i] ? max[i] : maxima[k + i];
}

}  // namespace

extern const detail::Scan scan_table;
const detail::Scan scan_table{
    .name = KVMEM_STRINGIFY(KVMEM_SIMD),
    .scan_rows = scan_rows,
    .scan_int8 = scan_int8,
    .scan_bf16 = scan_bf16,
    .multiply_int8 = multiply_int8,
    .multiply_bf16 = multiply_bf16,
    .encode_row = encode_row,
    .above = above,
    .product = product,
    .square_distance = square_distance,
    .add_whole = add_whole,
    .max_products = max_products,
};

}  // namespace kvmem::KVMEM_SIMD
