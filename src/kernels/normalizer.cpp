#include "kvmem/kernels/normalizer.hpp"

#include "kernels/simd/table.hpp"
#include "kernels/vector.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kvmem {

static constexpr Real minus_infinity = -std::numeric_limits<Real>::infinity();

static Real log_sum_exp(std::span<const Real> scores, Real largest) {
    double sum = 0;
    for (const Real s : scores) sum += std::exp(static_cast<double>(s - largest));
    return largest + static_cast<Real>(std::log(sum));
}

// The threshold t with sum over i of max(z_i - t, 0) = 1, for z <= 0 with a largest of 0 (Martins and Astudillo 2016).
// A slot below the threshold of a set is below the threshold of each subset, so slots are dropped until none is below.
static double sparsemax_threshold(std::span<const Real> z) {
    for (double threshold = -1;;) {
        double sum = 0;
        Index count = 0;
        for (const Real v : z)
            if (static_cast<double>(v) > threshold) sum += static_cast<double>(v), ++count;
        const double next = (sum - 1) / static_cast<double>(count);
        if (!(next > threshold)) return threshold;
        threshold = next;
    }
}

// The threshold t with sum over i of max(z_i / 2 - t, 0)^2 = 1, for z <= 0 with a largest of 0 (Peters et al. 2019).
// The sum is convex and falls with t, so Newton's steps come from the left and never pass the root.
static double entmax_threshold(std::span<const Real> z) {
    double threshold = -1;
    for (int step = 0; step < 100; ++step) {
        double sum = 0, slope = 0;
        for (const Real v : z) {
            const double above = std::max(static_cast<double>(v) / 2 - threshold, 0.0);
            sum += above * above;
            slope += 2 * above;
        }
        const double next = threshold + (sum - 1) / slope;
        if (!(next > threshold)) break;
        threshold = next;
    }
    return threshold;
}

// All but the k largest scores become -inf; of equal scores the first stay.
static void keep_largest(Index k, std::span<Real> scores, std::span<Real> scratch) {
    if (k >= std::ssize(scores)) return;
    std::copy(scores.begin(), scores.end(), scratch.begin());
    const auto sorted = scratch.first(scores.size());
    std::nth_element(sorted.begin(), sorted.begin() + k - 1, sorted.end(), std::greater<>());
    const Real smallest = sorted[k - 1];
    auto equal = k - std::count_if(scores.begin(), scores.end(), [&](Real s) { return s > smallest; });
    for (Real& s : scores)
        if (s < smallest || (s == smallest && equal-- <= 0)) s = minus_infinity;
}

static void check_normalizer(Normalizer normalizer, const char* where) {
    require_shape(normalizer >= Normalizer::softmax && normalizer <= Normalizer::none, where,
                  "a normalizer of the enumeration");
}

static Real softmax_of(std::span<Real> scores) {
    return detail::simd().softmax_row(scores.data(), std::ssize(scores)).log_sum_exp();
}

// Scores less their largest become the weights of sparsemax or entmax-1.5.
static void apply_threshold(Normalizer normalizer, std::span<Real> z) {
    if (normalizer == Normalizer::sparsemax) {
        const double threshold = sparsemax_threshold(z);
        for (Real& s : z) s = static_cast<Real>(std::max(static_cast<double>(s) - threshold, 0.0));
        return;
    }
    const double threshold = entmax_threshold(z);
    for (Real& s : z) {
        const double root = std::max(static_cast<double>(s) / 2 - threshold, 0.0);
        s = static_cast<Real>(root * root);
    }
}

Real normalize_scores(Normalizer normalizer, Index top_k, std::span<Real> scores, std::span<Real> scratch) {
    check_normalizer(normalizer, "normalize_scores");
    require_shape(normalizer != Normalizer::top_k || top_k > 0, "normalize_scores", "a top_k of 1 or more");
    require_shape(
        (normalizer != Normalizer::top_k && normalizer != Normalizer::none) || scratch.size() >= scores.size(),
        "normalize_scores", "scratch as long as the row");
    if (normalizer == Normalizer::softmax) return softmax_of(scores);
    if (normalizer == Normalizer::none) {
        std::copy(scores.begin(), scores.end(), scratch.begin());
        std::replace(scores.begin(), scores.end(), minus_infinity, Real{0});
        return softmax_of(scratch.first(scores.size()));
    }
    const Real largest = detail::largest_of(scores.data(), std::ssize(scores));
    if (!std::isfinite(largest)) {
        const Real all = largest == minus_infinity ? Real{0} : std::numeric_limits<Real>::quiet_NaN();
        std::fill(scores.begin(), scores.end(), all);
        return all == 0 ? minus_infinity : all;
    }
    if (normalizer == Normalizer::top_k) {
        keep_largest(top_k, scores, scratch);
        return softmax_of(scores);
    }
    const Real sum = log_sum_exp(scores, largest);
    for (Real& s : scores) s -= largest;
    apply_threshold(normalizer, scores);
    return sum;
}

// With w the slope of each weight (p for softmax, sqrt(p) for entmax-1.5, 1 where p > 0 for sparsemax):
// ds = w (g - sum of w g / sum of w).
template <class Slope>
static void backward_by_slopes(std::span<const Real> weights, std::span<Real> grad, Slope slope) {
    Real sum = 0, mean = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        sum += slope(weights[i]);
        mean += slope(weights[i]) * grad[i];
    }
    if (sum != 0) mean /= sum;
    for (std::size_t i = 0; i < weights.size(); ++i) grad[i] = slope(weights[i]) * (grad[i] - mean);
}

void normalize_scores_backward(Normalizer normalizer, std::span<const Real> weights, std::span<Real> grad) {
    check_normalizer(normalizer, "normalize_scores_backward");
    require_shape(weights.size() == grad.size(), "normalize_scores_backward", "a gradient for each weight");
    switch (normalizer) {
        case Normalizer::sparsemax:
            return backward_by_slopes(weights, grad, [](Real p) { return p > 0 ? Real{1} : Real{0}; });
        case Normalizer::entmax15:
            return backward_by_slopes(weights, grad, [](Real p) { return std::sqrt(p); });
        case Normalizer::none:
            return;
        case Normalizer::softmax:
        case Normalizer::top_k:
            break;
    }
    const Real mean = detail::dot(weights.data(), grad.data(), static_cast<Index>(weights.size()));
    for (std::size_t i = 0; i < weights.size(); ++i) grad[i] = weights[i] * (grad[i] - mean);
}

}  // namespace kvmem
