// Elementwise loops and loops over rows. Bound by memory, or by the exponential where there is one.
#pragma once

#include "kernels/simd/rows.hpp"
#include "kvmem/kernels/elementwise.hpp"

namespace kvmem::KVMEM_SIMD {
namespace {

// In double, because squares of finite floats may overflow float.
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

inline detail::ScoreSum unmasked_sum(const Real* scores, Index count) {
    constexpr Index block = 8;
    using Block [[gnu::vector_size(block * sizeof(Real))]] = Real;
    using Doubles [[gnu::vector_size(block * sizeof(double))]] = double;
    Doubles sum = {};
    auto masked = Block{} != Block{};  // counts down from 0
    const auto add = [&](const Block& part) {
        const auto mask = part == minus_infinity;
        sum += __builtin_convertvector(mask ? Block{} : part, Doubles);
        masked += mask;
    };
    Index i = 0;
    for (; i + block <= count; i += block) {
        Block part;
        __builtin_memcpy(&part, scores + i, sizeof part);
        add(part);
    }
    if (i < count) {
        Block part = {};
        __builtin_memcpy(&part, scores + i, sizeof(Real) * static_cast<std::size_t>(count - i));
        add(part);
    }
    detail::ScoreSum all{0, count};
    for (Index l = 0; l < block; ++l) all.sum += sum[l], all.count += masked[l];
    return all;
}

inline void subtract_unmasked(Real share, const Real* scores, Real* y, Index count) {
    for (Index i = 0; i < count; i += lanes) {
        const Index n = count - i;
        const Vector shares = load_up_to(scores + i, n) == minus_infinity ? Vector{} : repeat(share);
        store_up_to(y + i, load_up_to(y + i, n) - shares, n);
    }
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

// One step of an optimiser, by the equations at detail::Update.
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
        Vector value = load_up_to(x + i, n);
        if (u.shrink != 0) value -= u.shrink * value;
        store_up_to(x + i, value - u.rate * step, n);
    }
}

KVMEM_INLINE Vector sigmoid(Vector x) {
    const Vector away = x < Real(0) ? -x : x;
    const Vector t = exp2(-log2_e * away);
    const Vector low = t / (Real(1) + t);
    return x < Real(0) ? low : Real(1) - low;
}

// The cumulative distribution function of the normal distribution. In float by Abramowitz and Stegun 1964, 7.1.26, with
// an absolute error of 1e-7.
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
            return each(in, out, count, [](Vector x) { return x < Real(0) ? Vector{} : x; });  // passes NaN on
        case Activation::tanh:
            return each(in, out, count, [](Vector x) { return tanh(x); });
        case Activation::sigmoid:
            return each(in, out, count, [](Vector x) { return sigmoid(x); });
        case Activation::gelu:
            return each(in, out, count, [](Vector x) { return x * normal_cdf(x); });
        case Activation::swish:
            return each(in, out, count, [](Vector x) { return x * sigmoid(x); });
        case Activation::log1p:
            for (Index i = 0; i < count; ++i) out[i] = static_cast<Real>(__builtin_log1p(static_cast<double>(in[i])));
    }
}

template <class F>
KVMEM_INLINE void each_slope(const detail::ActivationBackward& s, F slope) {
    for (Index i = 0; i < s.count; i += lanes) {
        const Index n = s.count - i;
        const Vector grad = load_up_to(s.grad_out + i, n) * slope(load_up_to(s.in + i, n), load_up_to(s.out + i, n));
        store_up_to(s.grad_in + i, load_up_to(s.grad_in + i, n) + grad, n);
    }
}

// grad_in += grad_out * slope(input, output)
inline void activate_backward(Activation f, const detail::ActivationBackward& s) {
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
        case Activation::swish:
            return each_slope(s, [&](Vector x, Vector y) {
                const Vector share = sigmoid(x);
                return share + y * (one - share);
            });
        case Activation::log1p:
            return each_slope(s, [&](Vector x, Vector) { return one / (one + x); });
    }
}

// A hash of 32 bits of each lane's position and the seed: the finalizer "lowbias32" of Ettinger's search for mixers,
// with the halves of the seed mixed in before and between.
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
        const auto stays = hash_of(position, d.seed) >= d.threshold;  // -1 or 0
        const Vector kept = -d.scale * __builtin_convertvector(stays, Vector) * load_up_to(x + i, count - i);
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

// The sum of term(i) over the vectors of a row. Long rows are summed in parts, because a large sum would lose what is
// added to it.
template <class Term>
KVMEM_INLINE Real long_sum(Index count, Term term) {
    double total = 0;
    for (Index first = 0; first < count; first += long_block) {
        Vector sum = {};
        for (Index i = first; i < min(count, first + long_block); i += lanes) sum += term(i);
        total += static_cast<double>(sum_of(sum));
    }
    return static_cast<Real>(total);
}

inline void norm_row(detail::NormRow& row, const Real* bias, Real epsilon, Real* out, Index count) {
    const Real share = Real(1) / static_cast<Real>(count);
    row.mean = 0;
    if (row.centered) row.mean = share * long_sum(count, [&](Index i) { return load_up_to(row.x + i, count - i); });
    const Real squares = long_sum(count, [&](Index i) {
        const Index n = count - i;
        const Vector x = load_up_to(row.x + i, n) - row.mean;
        return n < lanes ? first_of(x * x, n) : x * x;
    });
    row.inverse = Real(1) / static_cast<Real>(__builtin_sqrt(static_cast<double>(share * squares + epsilon)));
    for (Index i = 0; i < count; i += lanes) {
        const Index n = count - i;
        const Vector h = (load_up_to(row.x + i, n) - row.mean) * row.inverse;
        const Vector scaled = load_up_to(row.gain + i, n) * h;
        store_up_to(out + i, bias ? scaled + load_up_to(bias + i, n) : scaled, n);
    }
}

// With h the normalised row and g = gain * grad_out: grad_in += (g - mean(g) - h * mean(g * h)) * inverse, where
// mean(g) is 0 if the row is not centered. Null gradients are not computed.
inline void norm_row_backward(const detail::NormRow& row, const Real* grad_out, Real* grad_in, Real* grad_gain,
                              Real* grad_bias, Index count) {
    const Real share = Real(1) / static_cast<Real>(count);
    const auto normal = [&](Index i) { return (load_up_to(row.x + i, count - i) - row.mean) * row.inverse; };
    const auto scaled = [&](Index i) {
        return load_up_to(row.gain + i, count - i) * load_up_to(grad_out + i, count - i);
    };
    for (Index i = 0; i < count && (grad_gain || grad_bias); i += lanes) {
        const Index n = count - i;
        const Vector out = load_up_to(grad_out + i, n);
        if (grad_gain) store_up_to(grad_gain + i, load_up_to(grad_gain + i, n) + out * normal(i), n);
        if (grad_bias) store_up_to(grad_bias + i, load_up_to(grad_bias + i, n) + out, n);
    }
    if (!grad_in) return;
    const Real mean_g = row.centered ? share * long_sum(count, scaled) : 0;
    const Real mean_gh = share * long_sum(count, [&](Index i) { return scaled(i) * normal(i); });
    for (Index i = 0; i < count; i += lanes) {
        const Index n = count - i;
        const Vector in = (scaled(i) - mean_g - normal(i) * mean_gh) * row.inverse;
        store_up_to(grad_in + i, load_up_to(grad_in + i, n) + in, n);
    }
}

}  // namespace
}  // namespace kvmem::KVMEM_SIMD
