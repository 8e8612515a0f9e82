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

// out = factor times the sum of `count` rows of a table; so many vectors of a row are summed in registers.
template <Index vectors, bool whole>
KVMEM_INLINE void gather_panel(const Real* table, Index width, const Token* tokens, Index count, Real factor, Real* out,
                               Index last) {
    Vector sum[vectors] = {};
    for (Index t = 0; t < count; ++t) {
        const Real* row = table + tokens[t] * width;
#pragma GCC unroll 8
        for (Index v = 0; v < vectors; ++v)
            sum[v] += whole || v + 1 < vectors ? load(row + v * lanes) : load_part(row + v * lanes, last);
    }
#pragma GCC unroll 8
    for (Index v = 0; v < vectors; ++v) {
        if (whole || v + 1 < vectors)
            store(out + v * lanes, factor * sum[v]);
        else
            store_part(out + v * lanes, factor * sum[v], last);
    }
}
inline void gather_sum(const Real* table, Index width, const Token* tokens, Index count, Real factor, Real* out) {
    Index k = 0;
    for (; k + 8 * lanes <= width; k += 8 * lanes)
        gather_panel<8, true>(table + k, width, tokens, count, factor, out + k, lanes);
    for (; k + 2 * lanes <= width; k += 2 * lanes)
        gather_panel<2, true>(table + k, width, tokens, count, factor, out + k, lanes);
    if (k == width) return;
    if (width - k > lanes)
        gather_panel<2, false>(table + k, width, tokens, count, factor, out + k, width - k - lanes);
    else
        gather_panel<1, false>(table + k, width, tokens, count, factor, out + k, width - k);
}

// rows[places[tokens[t]]] += factor x. Words come again and again: what was just written is read, and the processor hands that on
// only if both are of one size. So the rest of a row goes by fours and ones, never by a masked vector.
inline void scatter_add(Real* rows, Index width, const Index* places, const Token* tokens, Index count, Real factor,
                        const Real* x) {
    using Four [[gnu::vector_size(4 * sizeof(Real))]] = Real;
    Index k = 0;
    for (; k + lanes <= width; k += lanes) {
        const Vector add = factor * load(x + k);
        for (Index t = 0; t < count; ++t) {
            Real* at = rows + places[tokens[t]] * width + k;
            store(at, load(at) + add);
        }
    }
    for (; k + 4 <= width; k += 4) {
        Four add, sum;
        __builtin_memcpy(&add, x + k, sizeof add);
        add *= factor;
        for (Index t = 0; t < count; ++t) {
            Real* at = rows + places[tokens[t]] * width + k;
            __builtin_memcpy(&sum, at, sizeof sum);
            sum += add;
            __builtin_memcpy(at, &sum, sizeof sum);
        }
    }
    for (; k < width; ++k)
        for (Index t = 0; t < count; ++t) rows[places[tokens[t]] * width + k] += factor * x[k];
}

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

// The share of a normal distribution below x. In float by Abramowitz and Stegun 1964, 7.1.26: an absolute error of 1e-7.
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
            for (Index i = 0; i < count; ++i)
                out[i] = static_cast<Real>(__builtin_log1p(static_cast<double>(in[i])));
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

}  // namespace
}  // namespace kvmem::KVMEM_SIMD
