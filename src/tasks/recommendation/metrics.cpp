#include "kvmem/tasks/recommendation/metrics.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/rng.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace kvmem {

RankRange rank_of(std::span<const Real> scores, Token target) {
    require_shape(target >= 0 && target < std::ssize(scores), "rank_of", "a target among the scores");
    const Real score = scores[target];
    RankRange range{0, 0};
    bool valid = std::isfinite(score);
    for (const Real other : scores) {
        range.better += other > score;
        range.equal += other == score;
        valid = valid && other < std::numeric_limits<Real>::infinity();  // false of NaN
    }
    if (!valid)
        throw Error({.what = "a score is no number to rank by",
                     .expected = "finite numbers, or -inf for items that are no candidates",
                     .got = "NaN, +inf, or a target of -inf",
                     .where = "rank_of"});
    return range;
}

double hit_at(const RankRange& ranks, Index k) {
    return std::clamp(static_cast<double>(k - ranks.better) / static_cast<double>(ranks.equal), 0.0, 1.0);
}

// The mean of value(rank) over the ranks, up to k.
template <class Value>
static double mean_up_to(const RankRange& ranks, Index k, Value value) {
    double sum = 0;
    for (Index rank = ranks.better + 1; rank <= std::min(k, ranks.better + ranks.equal); ++rank)
        sum += value(static_cast<double>(rank));
    return sum / static_cast<double>(ranks.equal);
}

static double gain(double rank) { return 1 / std::log2(1 + rank); }

double gain_at(const RankRange& ranks, Index k) { return mean_up_to(ranks, k, gain); }

// The sum of 1 / rank over the ranks from 1 to n: Euler and Maclaurin's series, exact to 1e-14 from 32 on.
static double harmonic(Index n) {
    double sum = 0;
    if (n < 32) {
        for (Index rank = 1; rank <= n; ++rank) sum += 1 / static_cast<double>(rank);
        return sum;
    }
    const auto x = static_cast<double>(n);
    const double y = 1 / (x * x);
    return std::log(x) + std::numbers::egamma + 1 / (2 * x) - y * (1. / 12 - y * (1. / 120 - y / 252));
}

// Models that count leave most items with the same score, so ties are not summed rank by rank.
double reciprocal_rank(const RankRange& ranks) {
    constexpr Index few = 32;
    if (ranks.equal <= few) return mean_up_to(ranks, ranks.better + few, [](double rank) { return 1 / rank; });
    return (harmonic(ranks.better + ranks.equal) - harmonic(ranks.better)) / static_cast<double>(ranks.equal);
}

RankingScore score_ranking(std::span<const RankRange> targets, Index k) {
    require_shape(!targets.empty() && k >= 1, "score_ranking", "a target, and a k of 1 or more");
    RankingScore score;
    double hits = 0, gains = 0, best = 0;
    for (const RankRange& ranks : targets) {
        hits += hit_at(ranks, k);
        gains += gain_at(ranks, k);
    }
    const Index possible = std::min<Index>(k, std::ssize(targets));
    for (Index rank = 1; rank <= possible; ++rank) best += gain(static_cast<double>(rank));
    score.hit = std::min(hits, 1.0);
    score.recall = hits / static_cast<double>(possible);
    score.ndcg = gains / best;
    score.reciprocal_rank =
        reciprocal_rank(*std::ranges::min_element(targets, {}, [](const RankRange& ranks) { return ranks.mean(); }));
    return score;
}

double auc(Real target, std::span<const Real> others) {
    if (others.empty()) return 0.5;
    double beaten = 0;
    for (const Real other : others) beaten += target > other ? 1 : target == other ? 0.5 : 0;
    return beaten / static_cast<double>(others.size());
}

Interval interval_of(std::span<const double> values, std::span<const Index> users, std::uint64_t seed) {
    require_shape(values.size() == users.size(), "interval_of", "a user for each value");
    struct Sum {
        double value = 0, count = 0;
    };
    std::vector<Sum> sums;  // of each user
    Sum all;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i == 0 || users[i] != users[i - 1]) sums.emplace_back();
        sums.back().value += values[i], sums.back().count += 1;
        all.value += values[i], all.count += 1;
    }
    if (sums.empty()) return {};
    constexpr Index resamplings = 1000;
    std::vector<double> means;
    for (Index r = 0; r < resamplings; ++r) {
        Rng rng(seed, {static_cast<std::uint64_t>(r)});
        Sum sum;
        for (std::size_t i = 0; i < sums.size(); ++i) {
            const Sum& drawn = sums[rng.below(std::ssize(sums))];
            sum.value += drawn.value, sum.count += drawn.count;
        }
        means.push_back(sum.value / sum.count);
    }
    std::ranges::sort(means);
    return {all.value / all.count, means[resamplings / 40], means[resamplings - 1 - resamplings / 40]};
}

Interval paired_interval(std::span<const double> a, std::span<const double> b, std::span<const Index> users,
                         std::uint64_t seed) {
    require_shape(a.size() == b.size(), "paired_interval", "values of the same queries");
    std::vector<double> differences(a.size());
    std::ranges::transform(a, b, differences.begin(), std::minus<>());
    return interval_of(differences, users, seed);
}

}  // namespace kvmem
