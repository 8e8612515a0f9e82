// Loops over rows and over numbers one by one. Bound by memory, or by the exponential where there is one.
#pragma once

#include "kernels/simd/rows.hpp"
#include "kvmem/kernels/elementwise.hpp"

namespace kvmem::KVMEM_SIMD {
namespace {

// In double: squares of numbers that are finite may not be so in float.
inline double square_sum(const Real* x, Index count) {
    double part[8] = {};
    Index i = 0;
    for (; i + 8 <= count; i += 8)
        for (Index l = 0; l < 8; ++l) part[l] += static_cast<double>(x[i + l]) * static_cast<double>(x[i + l]);
    for (; i < count; ++i) part[0] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    double sum = 0;
    for (const double p : part) sum += p;
    return sum;
}

// y += factor x
inline void add_scaled(Real factor, const Real* x, Real* y, Index count) {
    for (Index i = 0; i < count; i += lanes) {
        const Index n = count - i;
        store_up_to(y + i, load_up_to(y + i, n) + factor * load_up_to(x + i, n), n);
    }
}

// Rows of a large table are far away and come in no order that the processor could foresee: they are asked for this
// many tokens before they are used.
constexpr Index tokens_ahead = 8;
KVMEM_INLINE void ask_for(const Real* row, Index width) {
    constexpr Index line = 64 / static_cast<Index>(sizeof(Real));
    for (Index k = 0; k < width; k += line) __builtin_prefetch(row + k);
}

KVMEM_INLINE Real bag_factor(BagScale scale, Index tokens) {
    if (scale == BagScale::sum || tokens < 2) return 1;
    const auto n = static_cast<double>(tokens);
    return static_cast<Real>(1 / (scale == BagScale::mean ? n : __builtin_sqrt(n)));
}

// Columns [column, column + vectors * lanes) of the sums of all bags, with a row of a bag in registers; of the last
// vector only `last` if it is not whole.
template <Index vectors, bool whole, bool weighted>
void gather_panel(const detail::Gather& g, Index column, Index last) {
    const Index tokens = g.offsets[g.bags];
    const auto part = [&](const Real* row, Index v) {
        return whole || v + 1 < vectors ? load(row + v * lanes) : load_part(row + v * lanes, last);
    };
    for (Index i = 0; i < g.bags; ++i) {
        Vector sum[vectors] = {};
        const Real* factors = weighted ? g.factors + g.first_factors[i] * g.width + column : nullptr;
        for (Index t = g.offsets[i]; t < g.offsets[i + 1]; ++t) {
            if (g.is_large && column == 0 && t + tokens_ahead < tokens)
                ask_for(g.table + g.tokens[t + tokens_ahead] * g.width, g.width);
            const Real* row = g.table + g.tokens[t] * g.width + column;
#pragma GCC unroll 8
            for (Index v = 0; v < vectors; ++v) {
                if constexpr (weighted)
                    sum[v] += part(row, v) * part(factors, v);
                else
                    sum[v] += part(row, v);
            }
            if constexpr (weighted) factors += g.width;
        }
        const Real factor = bag_factor(g.scale, g.offsets[i + 1] - g.offsets[i]);
        const Real* start = g.start ? g.start + g.start_rows[i] * g.width + column : nullptr;
        Real* out = g.out + i * g.width + column;
#pragma GCC unroll 8
        for (Index v = 0; v < vectors; ++v) {
            const Vector x = start ? factor * sum[v] + part(start, v) : factor * sum[v];
            if (whole || v + 1 < vectors)
                store(out + v * lanes, x);
            else
                store_part(out + v * lanes, x, last);
        }
    }
}
template <bool weighted>
void gather_all(const detail::Gather& g) {
    Index k = 0;
    for (; k + 8 * lanes <= g.width; k += 8 * lanes) gather_panel<8, true, weighted>(g, k, lanes);
    for (; k + 2 * lanes <= g.width; k += 2 * lanes) gather_panel<2, true, weighted>(g, k, lanes);
    if (k == g.width) return;
    if (g.width - k > lanes)
        gather_panel<2, false, weighted>(g, k, g.width - k - lanes);
    else
        gather_panel<1, false, weighted>(g, k, g.width - k);
}
inline void gather_sums(const detail::Gather& g) { g.factors ? gather_all<true>(g) : gather_all<false>(g); }

// Columns [column, column + vectors * lanes + fours * 4) of the rows of all tokens, with what they are given in
// registers. Words come again and again: what was just written is read, and the processor hands that on only if both
// are of one size. So the rest of a row goes by fours, never by a masked vector.
template <Index vectors, Index fours, bool weighted>
void scatter_panel(const detail::Scatter& s, Index column) {
    using Four [[gnu::vector_size(4 * sizeof(Real))]] = Real;
    const Index tokens = s.offsets[s.bags];
    for (Index i = 0; i < s.bags; ++i) {
        const Real factor = bag_factor(s.scale, s.offsets[i + 1] - s.offsets[i]);
        const Real* x = s.x + i * s.width + column;
        Vector add[vectors > 0 ? vectors : 1];
        Four rest[fours > 0 ? fours : 1];
#pragma GCC unroll 8
        for (Index v = 0; v < vectors; ++v) add[v] = factor * load(x + v * lanes);
        __builtin_memcpy(rest, x + vectors * lanes, fours * sizeof(Four));
#pragma GCC unroll 4
        for (Index f = 0; f < fours; ++f) rest[f] *= factor;
        const Real* factors = weighted ? s.factors + s.first_factors[i] * s.width + column : nullptr;
        for (Index t = s.offsets[i]; t < s.offsets[i + 1]; ++t) {
            if (s.is_large && column == 0 && t + tokens_ahead < tokens)
                if (const Index place = s.places[s.tokens[t + tokens_ahead]]; place >= 0)
                    ask_for(s.rows + place * s.width, s.width);
            const Index place = s.places[s.tokens[t]];
            const Real* times = factors;
            if constexpr (weighted) factors += s.width;
            if (place < 0) continue;
            Real* row = s.rows + place * s.width + column;
#pragma GCC unroll 8
            for (Index v = 0; v < vectors; ++v) {
                Vector given = add[v];
                if constexpr (weighted) given *= load(times + v * lanes);
                store(row + v * lanes, load(row + v * lanes) + given);
            }
#pragma GCC unroll 4
            for (Index f = 0; f < fours; ++f) {
                Four sum;
                __builtin_memcpy(&sum, row + vectors * lanes + f * 4, sizeof sum);
                Four given = rest[f];
                if constexpr (weighted) {
                    Four by;
                    __builtin_memcpy(&by, times + vectors * lanes + f * 4, sizeof by);
                    given *= by;
                }
                sum += given;
                __builtin_memcpy(row + vectors * lanes + f * 4, &sum, sizeof sum);
            }
        }
    }
}
// The last columns that are no whole four.
inline void scatter_rest(const detail::Scatter& s, Index column) {
    for (Index i = 0; i < s.bags; ++i) {
        const Real factor = bag_factor(s.scale, s.offsets[i + 1] - s.offsets[i]);
        const Real* factors = s.factors ? s.factors + s.first_factors[i] * s.width : nullptr;
        for (Index t = s.offsets[i]; t < s.offsets[i + 1]; ++t) {
            const Index place = s.places[s.tokens[t]];
            for (Index k = column; place >= 0 && k < s.width; ++k)
                s.rows[place * s.width + k] += factor * s.x[i * s.width + k] * (factors ? factors[k] : Real(1));
            if (factors) factors += s.width;
        }
    }
}

template <bool weighted>
void scatter_all(const detail::Scatter& s) {
    Index k = 0;
    for (; k + 8 * lanes <= s.width; k += 8 * lanes) scatter_panel<8, 0, weighted>(s, k);
    for (; k + 2 * lanes <= s.width; k += 2 * lanes) scatter_panel<2, 0, weighted>(s, k);
    const Index fours = (s.width - k) % lanes / 4;
    if (k + lanes <= s.width && fours == 1)
        scatter_panel<1, 1, weighted>(s, k), k += lanes + 4;
    else if (k + lanes <= s.width)
        scatter_panel<1, 0, weighted>(s, k), k += lanes;
    for (; k + 4 <= s.width; k += 4) scatter_panel<0, 1, weighted>(s, k);
    if (k < s.width) scatter_rest(s, k);
}
inline void scatter_sums(const detail::Scatter& s) { s.factors ? scatter_all<true>(s) : scatter_all<false>(s); }

KVMEM_INLINE Vector square_root(Vector x) {
#if defined(__AVX512F__)
    if constexpr (is_float) return reinterpret_cast<Vector>(_mm512_sqrt_ps(reinterpret_cast<__m512>(x)));
#elif defined(__AVX__)
    if constexpr (is_float) return reinterpret_cast<Vector>(_mm256_sqrt_ps(reinterpret_cast<__m256>(x)));
#endif
    for (Index i = 0; i < lanes; ++i) x[i] = static_cast<Real>(__builtin_sqrt(static_cast<double>(x[i])));
    return x;
}

// detail::Update says what is what.
inline void update(const detail::Update& u, Real* x, const Real* g, Real* first, Real* second, Index count) {
    for (Index i = 0; i < count; i += lanes) {
        const Index n = count - i;
        const Vector gradient = u.factor * load_up_to(g + i, n);
        Vector step = gradient;
        if (second) {
            const Vector m = u.beta1 * load_up_to(first + i, n) + u.rest1 * gradient;
            const Vector v = u.beta2 * load_up_to(second + i, n) + u.rest2 * gradient * gradient;
            store_up_to(first + i, m, n);
            store_up_to(second + i, v, n);
            step = m / (square_root(v * u.correct) + u.epsilon);
        } else if (first) {
            const Vector sum = load_up_to(first + i, n) + gradient * gradient;
            store_up_to(first + i, sum, n);
            step = gradient / (square_root(sum) + u.epsilon);
        }
        store_up_to(x + i, load_up_to(x + i, n) - u.rate * step, n);
    }
}

KVMEM_INLINE Vector sigmoid(Vector x) {
    const Vector away = x < Real(0) ? -x : x;
    const Vector t = exp2(-log2_e * away);
    const Vector low = t / (Real(1) + t);
    return x < Real(0) ? low : Real(1) - low;
}

// The share of a normal distribution below x. In float by Abramowitz and Stegun 1964, 7.1.26: an absolute error of
// 1e-7.
KVMEM_INLINE Vector normal_cdf(Vector x) {
    constexpr Real root = Real(0.70710678118654752440);
    if constexpr (is_float) {
        const Vector away = root * (x < Real(0) ? -x : x);
        const Vector t = Real(1) / (Real(1) + Real(0.3275911) * away);
        Vector p = Real(1.061405429) * t - Real(1.453152027);
        p = p * t + Real(1.421413741);
        p = p * t - Real(0.284496736);
        p = p * t + Real(0.254829592);
        const Vector tail = Real(0.5) * p * t * exp2(-log2_e * away * away);
        return x < Real(0) ? tail : Real(1) - tail;
    } else {
        for (Index i = 0; i < lanes; ++i)
            x[i] = static_cast<Real>(0.5 * __builtin_erfc(static_cast<double>(-x[i] * root)));
        return x;
    }
}
KVMEM_INLINE Vector normal_density(Vector x) {
    return Real(0.39894228040143267794) * exp2(Real(-0.5) * log2_e * x * x);
}

template <class F>
KVMEM_INLINE void each(const Real* in, Real* out, Index count, F f) {
    for (Index i = 0; i < count; i += lanes) store_up_to(out + i, f(load_up_to(in + i, count - i)), count - i);
}

inline void activate(Activation f, const Real* in, Real* out, Index count) {
    switch (f) {
        case Activation::identity:
            return each(in, out, count, [](Vector x) { return x; });
        case Activation::relu:
            return each(in, out, count, [](Vector x) { return x < Real(0) ? Vector{} : x; });  // hands NaN on
        case Activation::tanh:
            return each(in, out, count, [](Vector x) { return tanh(x); });
        case Activation::sigmoid:
            return each(in, out, count, [](Vector x) { return sigmoid(x); });
        case Activation::gelu:
            return each(in, out, count, [](Vector x) { return x * normal_cdf(x); });
        case Activation::log1p:
            for (Index i = 0; i < count; ++i) out[i] = static_cast<Real>(__builtin_log1p(static_cast<double>(in[i])));
    }
}

template <class F>
KVMEM_INLINE void each_slope(const detail::Slopes& s, F slope) {
    for (Index i = 0; i < s.count; i += lanes) {
        const Index n = s.count - i;
        const Vector grad = load_up_to(s.grad_out + i, n) * slope(load_up_to(s.in + i, n), load_up_to(s.out + i, n));
        store_up_to(s.grad_in + i, load_up_to(s.grad_in + i, n) + grad, n);
    }
}

// grad_in += grad_out * slope(input, output)
inline void activate_backward(Activation f, const detail::Slopes& s) {
    const Vector one = repeat(1);
    switch (f) {
        case Activation::identity:
            return each_slope(s, [&](Vector, Vector) { return one; });
        case Activation::relu:
            return each_slope(s, [&](Vector x, Vector) { return x > Real(0) ? one : Vector{}; });
        case Activation::tanh:
            return each_slope(s, [&](Vector, Vector y) { return one - y * y; });
        case Activation::sigmoid:
            return each_slope(s, [&](Vector, Vector y) { return y * (one - y); });
        case Activation::gelu:
            return each_slope(s, [&](Vector x, Vector) { return normal_cdf(x) + x * normal_density(x); });
        case Activation::log1p:
            return each_slope(s, [&](Vector x, Vector) { return one / (one + x); });
    }
}

// 32 bits of a position and a seed, each lane by itself: the finalizer "lowbias32" of Ettinger's search for mixers,
// after the seed's halves are mixed in before and between.
using Bits [[gnu::vector_size(lanes * 4)]] = std::uint32_t;
KVMEM_INLINE Bits hash_of(Bits position, std::uint64_t seed) {
    Bits x = position * 0x9e3779b9u + static_cast<std::uint32_t>(seed);
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= static_cast<std::uint32_t>(seed >> 32);
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ (x >> 16);
}

inline void dropout(const detail::Dropout& d, const Real* x, Real* out, Index count, bool add) {
    Bits position;
    for (Index i = 0; i < lanes; ++i) position[i] = static_cast<std::uint32_t>(i);
    for (Index i = 0; i < count; i += lanes) {
        const auto stays = hash_of(position, d.seed) >= d.least;  // -1 or 0
        const Vector kept = -d.keep * __builtin_convertvector(stays, Vector) * load_up_to(x + i, count - i);
        store_up_to(out + i, add ? load_up_to(out + i, count - i) + kept : kept, count - i);
        position += static_cast<std::uint32_t>(lanes);
    }
}

// The first `count` numbers, zeros after them.
KVMEM_INLINE Vector first_of(Vector v, Index count) {
    for (Index i = 0; i < lanes; ++i)
        if (i >= count) v[i] = 0;
    return v;
}

inline void norm_row(detail::NormRow& row, const Real* bias, Real epsilon, Real* out, Index count) {
    const Real share = Real(1) / static_cast<Real>(count);
    Vector sum = {}, squares = {};
    for (Index i = 0; i < count; i += lanes) sum += load_up_to(row.x + i, count - i);
    row.mean = share * sum_of(sum);
    for (Index i = 0; i < count; i += lanes) {
        const Index n = count - i;
        const Vector x = load_up_to(row.x + i, n) - row.mean;
        squares += n < lanes ? first_of(x * x, n) : x * x;
    }
    row.inverse = Real(1) / static_cast<Real>(__builtin_sqrt(static_cast<double>(share * sum_of(squares) + epsilon)));
    for (Index i = 0; i < count; i += lanes) {
        const Index n = count - i;
        const Vector h = (load_up_to(row.x + i, n) - row.mean) * row.inverse;
        store_up_to(out + i, load_up_to(row.gain + i, n) * h + load_up_to(bias + i, n), n);
    }
}

// With h the normalised row and g = gain * grad_out: grad_in += (g - mean(g) - h * mean(g * h)) * inverse.
inline void norm_row_backward(const detail::NormRow& row, const Real* grad_out, Real* grad_in, Real* grad_gain,
                              Real* grad_bias, Index count) {
    const Real share = Real(1) / static_cast<Real>(count);
    const auto normal = [&](Index i) { return (load_up_to(row.x + i, count - i) - row.mean) * row.inverse; };
    Vector sum_g = {}, sum_gh = {};
    for (Index i = 0; i < count; i += lanes) {
        const Index n = count - i;
        const Vector out = load_up_to(grad_out + i, n), h = normal(i), g = load_up_to(row.gain + i, n) * out;
        sum_g += g;
        sum_gh += g * h;
        store_up_to(grad_gain + i, load_up_to(grad_gain + i, n) + out * h, n);
        store_up_to(grad_bias + i, load_up_to(grad_bias + i, n) + out, n);
    }
    const Real mean_g = share * sum_of(sum_g), mean_gh = share * sum_of(sum_gh);
    for (Index i = 0; i < count; i += lanes) {
        const Index n = count - i;
        const Vector g = load_up_to(row.gain + i, n) * load_up_to(grad_out + i, n);
        const Vector in = (g - mean_g - normal(i) * mean_gh) * row.inverse;
        store_up_to(grad_in + i, load_up_to(grad_in + i, n) + in, n);
    }
}

}  // namespace
}  // namespace kvmem::KVMEM_SIMD
