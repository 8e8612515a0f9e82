// A vector register of numbers and its operations, compiled once for each instruction set (simd/kernels.hpp).
// Everything is in a namespace of that set and local to its source, so that the linker never gives one set's code to
// another.
#pragma once

#include "kvmem/core/types.hpp"

#include <utility>

#if defined(__AVX__)
#include <immintrin.h>
#endif

namespace kvmem::KVMEM_SIMD {
namespace {

#if defined(__AVX512F__)
constexpr Index vector_bytes = 64;
#elif defined(__AVX__)
constexpr Index vector_bytes = 32;
#else
constexpr Index vector_bytes = 16;
#endif
constexpr Index lanes = vector_bytes / static_cast<Index>(sizeof(Real));

using Vector [[gnu::vector_size(vector_bytes)]] = Real;
constexpr bool is_float = sizeof(Real) == sizeof(float);

#define KVMEM_INLINE [[gnu::always_inline]] inline
#define KVMEM_STRINGIFY_(x) #x
#define KVMEM_STRINGIFY(x) KVMEM_STRINGIFY_(x)

KVMEM_INLINE constexpr Index min(Index a, Index b) { return a < b ? a : b; }
KVMEM_INLINE Index round_up(Index n, Index step) { return (n + step - 1) / step * step; }

template <std::size_t... i>
KVMEM_INLINE Vector repeat(Real x, std::index_sequence<i...>) {
    return Vector{((void)i, x)...};
}
KVMEM_INLINE Vector repeat(Real x) { return repeat(x, std::make_index_sequence<static_cast<std::size_t>(lanes)>()); }

KVMEM_INLINE Vector load(const Real* p) {
    Vector v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
KVMEM_INLINE void store(Real* p, Vector v) { __builtin_memcpy(p, &v, sizeof v); }

// Stores past the caches, to an aligned address, what is not read again soon. Call finish_streams() before another
// thread reads it.
KVMEM_INLINE void stream(Real* p, Vector v) {
#if defined(__AVX512F__)
    _mm512_stream_ps(reinterpret_cast<float*>(p), reinterpret_cast<__m512>(v));
#elif defined(__AVX__)
    _mm256_stream_ps(reinterpret_cast<float*>(p), reinterpret_cast<__m256>(v));
#else
    store(p, v);
#endif
}
KVMEM_INLINE void finish_streams() {
#if defined(__AVX__)
    _mm_sfence();
#endif
}

// The first `count` numbers, and zeros after them. Nothing beyond is touched.
KVMEM_INLINE Vector load_part(const Real* p, Index count) {
#if defined(__AVX512F__)
    const auto mask = (1u << count) - 1;
    if constexpr (is_float)
        return reinterpret_cast<Vector>(_mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), p));
    else
        return reinterpret_cast<Vector>(_mm512_maskz_loadu_pd(static_cast<__mmask8>(mask), p));
#else
    Vector v = {};
    for (Index i = 0; i < lanes; ++i)
        if (i < count) v[i] = p[i];
    return v;
#endif
}
KVMEM_INLINE void store_part(Real* p, Vector v, Index count) {
#if defined(__AVX512F__)
    const auto mask = (1u << count) - 1;
    if constexpr (is_float)
        _mm512_mask_storeu_ps(p, static_cast<__mmask16>(mask), reinterpret_cast<__m512>(v));
    else
        _mm512_mask_storeu_pd(p, static_cast<__mmask8>(mask), reinterpret_cast<__m512d>(v));
#else
    for (Index i = 0; i < lanes; ++i)
        if (i < count) p[i] = v[i];
#endif
}

// `count` is lanes for all but the last vector of a row.
KVMEM_INLINE Vector load_up_to(const Real* p, Index count) { return count >= lanes ? load(p) : load_part(p, count); }
KVMEM_INLINE void store_up_to(Real* p, Vector v, Index count) {
    if (count >= lanes)
        store(p, v);
    else
        store_part(p, v, count);
}

// The larger one in each lane; b where either is NaN.
KVMEM_INLINE Vector larger(Vector a, Vector b) {
#if defined(__AVX512F__)
    if constexpr (is_float)
        return reinterpret_cast<Vector>(_mm512_max_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
#elif defined(__AVX__)
    if constexpr (is_float)
        return reinterpret_cast<Vector>(_mm256_max_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b)));
#endif
    return a > b ? a : b;
}

// The smaller one in each lane; b where either is NaN.
KVMEM_INLINE Vector smaller(Vector a, Vector b) {
#if defined(__AVX__) && !defined(__AVX512F__)
    if constexpr (is_float)
        return reinterpret_cast<Vector>(_mm256_min_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b)));
#endif
    return a < b ? a : b;
}

KVMEM_INLINE bool equal(Vector a, Vector b) {
    const auto differ = a != b;
    bool any = false;
    for (Index i = 0; i < lanes; ++i) any |= differ[i] != 0;
    return !any;
}

template <Index width, std::size_t... i>
KVMEM_INLINE void exchange(Vector& a, Vector& b, std::index_sequence<i...>) {
    // Blocks of `width` lanes: the even ones of both to a, the odd ones to b, in turns.
    constexpr auto from = [](std::size_t lane, Index side) {
        const auto block = static_cast<Index>(lane) / width, inside = static_cast<Index>(lane) % width;
        return static_cast<int>((block & 1) * lanes + ((block & ~Index{1}) + side) * width + inside);
    };
    const Vector even = __builtin_shufflevector(a, b, from(i, 0)...),
                 odd = __builtin_shufflevector(a, b, from(i, 1)...);
    a = even;
    b = odd;
}

// Transposes v, a square matrix of vectors, in place.
template <Index width = lanes / 2>
KVMEM_INLINE void transpose(Vector* v) {
    if constexpr (width > 0) {
#pragma GCC unroll 16
        for (Index i = 0; i < lanes; ++i)
            if ((i & width) == 0)
                exchange<width>(v[i], v[i + width], std::make_index_sequence<static_cast<std::size_t>(lanes)>());
        transpose<width / 2>(v);
    }
}

// Sums of neighbouring blocks of `width` lanes of a, and of b, in turns.
template <Index width, std::size_t... i>
KVMEM_INLINE Vector add_neighbours(Vector a, Vector b, std::index_sequence<i...>) {
    // Block j of the result is from a if j is even and from b if it is odd.
    constexpr auto from = [](std::size_t lane, Index side) {
        const auto block = static_cast<Index>(lane) / width, inside = static_cast<Index>(lane) % width;
        return static_cast<int>((block & 1) * lanes + ((block & ~Index{1}) + side) * width + inside);
    };
    return __builtin_shufflevector(a, b, from(i, 0)...) + __builtin_shufflevector(a, b, from(i, 1)...);
}

// Lane i of the result is the sum of the numbers of v[i], for i in [0, lanes). Destroys v.
template <Index width = lanes / 2>
KVMEM_INLINE Vector sums_of(Vector* v) {
    if constexpr (width == 0) {
        return v[0];
    } else {
#pragma GCC unroll 16
        for (Index i = 0; i < width; ++i)
            v[i] =
                add_neighbours<width>(v[i], v[i + width], std::make_index_sequence<static_cast<std::size_t>(lanes)>());
        return sums_of<width / 2>(v);
    }
}

// The sum of the lanes, always by halves: bit-reproducible, however the compiler inlines it.
KVMEM_INLINE Real sum_of(Vector v) {
    Real part[lanes];
    store(part, v);
    for (Index width = lanes / 2; width > 0; width /= 2)
        for (Index i = 0; i < width; ++i) part[i] += part[i + width];
    return part[0];
}

constexpr Real log2_e = Real(1.44269504088896340736), ln_2 = Real(0.693147180559945309417);
constexpr Real minus_infinity = -__builtin_inf();

// 2^x, inf from 128 on; 0 below -126, as products with subnormal numbers are a hundred times slower; NaN stays. In
// float x is split into the integer below, which goes to the exponent, and a rest r from 0 to 1, whose power is a
// polynomial (1 at 0, relative error 8.3e-8, fitted by reweighted least squares): with rounding, the relative error is
// below 1.5e-7. Bound by its 9 instructions for a vector (AVX-512; 13 without).
KVMEM_INLINE Vector exp2(Vector x) {
    if constexpr (!is_float) {
        for (Index i = 0; i < lanes; ++i) x[i] = static_cast<Real>(__builtin_exp2(static_cast<double>(x[i])));
        return x;
    }
#if defined(__AVX512F__)
    const auto whole = reinterpret_cast<__m512>(x);
    const auto r = reinterpret_cast<Vector>(_mm512_reduce_ps(whole, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC));
#else
    x = smaller(repeat(128), x);
    constexpr Real rounder = Real(12582912);  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
    const Vector shifted = (x - Real(0.5)) + rounder;
    const Vector r = x - (shifted - rounder);
#endif
    Vector p = Real(1.86713008e-3) * r + Real(9.0170303e-3);
    p = p * r + Real(5.57999131e-2);
    p = p * r + Real(0.24016445);
    p = p * r + Real(0.693151312);
    p = p * r + Real(1);
#if defined(__AVX512F__)
    const auto large = _mm512_cmp_ps_mask(whole, _mm512_set1_ps(-126), _CMP_NLT_UQ);
    return reinterpret_cast<Vector>(_mm512_maskz_scalef_ps(large, reinterpret_cast<__m512>(p), whole));
#else
    using Integers [[gnu::vector_size(vector_bytes)]] = std::int32_t;
    const auto power = (reinterpret_cast<Integers>(shifted) << 23) + (127 << 23);
    return x < Real(-126) ? Vector{} : p * reinterpret_cast<Vector>(power);
#endif
}

KVMEM_INLINE Real log2(Real x) {
    if constexpr (is_float)
        return __builtin_log2f(x);
    else
        return static_cast<Real>(__builtin_log2(static_cast<double>(x)));
}

// With an absolute error below 2e-7 in float.
KVMEM_INLINE Vector tanh(Vector x) {
    const Vector away = x < Real(0) ? -x : x;
    const Vector t = exp2(Real(-2) * log2_e * away);
    const Vector y = (Real(1) - t) / (Real(1) + t);
    return x < Real(0) ? -y : y;
}

}  // namespace
}  // namespace kvmem::KVMEM_SIMD
