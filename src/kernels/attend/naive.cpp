#include "kernels/attend/call.hpp"
#include "kvmem/core/rng.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace kvmem::naive {

static constexpr double minus_infinity = -std::numeric_limits<double>::infinity();
using Row = std::vector<double>;

static double similarity(Similarity kind, const Real* q, const Real* k, const Real* direction, Index width) {
    double dot = 0, qq = 0, kk = 0, distance = 0, additive = 0;
    for (Index i = 0; i < width; ++i) {
        const auto a = static_cast<double>(q[i]), b = static_cast<double>(k[i]);
        dot += a * b, qq += a * a, kk += b * b, distance += (a - b) * (a - b);
        if (direction) additive += static_cast<double>(direction[i]) * std::tanh(a + b);
    }
    switch (kind) {
        case Similarity::dot:
            return dot;
        case Similarity::cosine:
            return qq > 0 && kk > 0 ? dot / std::sqrt(qq * kk) : 0;
        case Similarity::euclidean:
            return -distance;
        case Similarity::additive:
            return additive;
    }
    return 0;
}

// Sparsemax and entmax-1.5 by definition: bisection finds the threshold at which the weights sum to 1.
static Row thresholded(const Row& scores, double power, double factor) {
    const double largest = *std::max_element(scores.begin(), scores.end());
    const auto weight = [&](double s, double t) { return std::pow(std::max(factor * (s - largest) - t, 0.0), power); };
    double low = -1, high = 0;
    for (int step = 0; step < 60; ++step) {
        const double t = (low + high) / 2;
        double sum = 0;
        for (const double s : scores) sum += weight(s, t);
        (sum > 1 ? low : high) = t;
    }
    Row weights;
    for (const double s : scores) weights.push_back(weight(s, low));
    return weights;
}

// NaN if there is one; -inf for an empty row.
static double largest_of(const Row& scores) {
    double largest = minus_infinity;
    for (const double s : scores)
        if (s > largest || std::isnan(s)) largest = s;
    return largest;
}

static Row normalized(const AttendOptions& options, Row scores, double& sum) {
    if (options.normalizer == Normalizer::top_k) {
        std::vector<std::size_t> order(scores.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return scores[a] > scores[b]; });
        for (std::size_t i = options.top_k; i < order.size(); ++i) scores[order[i]] = minus_infinity;
    }
    const double largest = largest_of(scores);
    double total = 0;  // relative to the largest score, which may leave no room for it
    for (const double s : scores) total += largest == minus_infinity ? 0 : std::exp(s - largest);
    sum = largest + std::log(total);
    if (options.normalizer == Normalizer::none) {
        std::replace(scores.begin(), scores.end(), minus_infinity, 0.0);
        return scores;
    }
    if (sum == minus_infinity) return Row(scores.size(), 0.0);
    if (options.normalizer == Normalizer::sparsemax) return thresholded(scores, 1, 1);
    if (options.normalizer == Normalizer::entmax15) return thresholded(scores, 2, 0.5);
    for (double& s : scores) s = std::exp(s - largest) / total;
    return scores;
}

static Row scores_of(const detail::AttendCall& call, Index segment, Index h, Index q) {
    const detail::Head at = call.head(segment, h);
    const AttendOptions& options = call.options;
    const Real* direction =
        options.similarity == Similarity::additive ? call.in.direction.data + h * at.key_width : nullptr;
    Row scores;
    for (Index j = 0; j < at.slots; ++j) {
        double s = static_cast<double>(options.scale) * similarity(options.similarity, at.query + q * at.query_row,
                                                                   at.key + j * at.key_row, direction, at.key_width);
        if (options.softcap > 0) s = double{options.softcap} * std::tanh(s / double{options.softcap});
        const Index place = options.alignment == CausalAlignment::ends ? q + at.slots - at.queries : q;
        const Index distance = place - j;
        if (at.slot_bias) s += static_cast<double>(at.slot_bias[j * at.slot_bias_row]);
        if (!call.in.pair_bias.empty()) s += static_cast<double>(at.pair_bias[q * at.pair_bias_row + j]);
        if (!call.in.distance_bias.empty())
            s += static_cast<double>(call.in.distance_bias(call.in.distance_bias.rows / 2 + distance, h));
        s -= static_cast<double>(at.slope) * static_cast<double>(std::abs(distance));
        const bool ahead = options.causal && distance < 0;
        const bool far = options.window > 0 && std::abs(distance) >= options.window;
        scores.push_back(ahead || far ? minus_infinity : s);
    }
    return scores;
}

// One query of one head.
static void attend_one(const detail::AttendCall& call, Index i, Index h, Index q, const AttendOutput& out) {
    const AttendOptions& options = call.options;
    const detail::Head at = call.head(i, h);
    const Index row = call.first_query(i) + q;
    double log_sum_exp = 0;
    const Row weights = normalized(options, scores_of(call, i, h, q), log_sum_exp);
    out.log_sum_exp(row, h) = static_cast<Real>(log_sum_exp);
    Rng rng(options.seed, {static_cast<std::uint64_t>(row), static_cast<std::uint64_t>(h)});
    Row sum(at.value_width, 0.0);
    for (Index j = 0; j < at.slots; ++j) {
        if (!out.weights.empty()) out.weights[call.weights_at(i, q, h) + j] = static_cast<Real>(weights[j]);
        const bool dropped = options.dropout > 0 && rng.uniform() < options.dropout;
        const double factor = dropped ? 0 : 1 / (1 - options.dropout);
        for (Index k = 0; k < at.value_width; ++k)
            sum[k] += factor * weights[j] * static_cast<double>(at.value[j * at.value_row + k]);
    }
    for (Index k = 0; k < at.value_width; ++k) out.output(row, h * at.value_width + k) = static_cast<Real>(sum[k]);
}

void attend(const AttendInput& in, const Segments& segments, const AttendOptions& options, const AttendOutput& out) {
    check_attend(in, segments, options);
    Arena arena;
    const detail::AttendCall call(in, segments, options, arena);
    for (Index i = 0; i < segments.size(); ++i)
        for (Index h = 0; h < options.heads; ++h)
            for (Index q = 0; q < call.queries(i); ++q) attend_one(call, i, h, q, out);
}

}  // namespace kvmem::naive
