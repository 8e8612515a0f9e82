// Measures of a ranking of all items: hit, recall, NDCG, MRR and AUC, with ties and intervals.
//
// Items of equal scores are in random order, and each measure is its expectation over these orders. So a scorer of
// constants comes out at chance, whatever the order of the items.
#pragma once

#include "kvmem/core/types.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace kvmem {

// The ranks that an item may have, counted from 1: better + 1 to better + equal, each equally probable.
struct RankRange {
    // The numbers of items with a higher score, and with the same score, the item among them.
    Index better = 0, equal = 1;
    // The mean rank.
    double mean() const { return static_cast<double>(better) + static_cast<double>(equal + 1) / 2; }
};

// The ranks of `target` among scores, of which -inf is no candidate. Throws Error for NaN, +inf, or a target that is no
// candidate.
[[nodiscard]] RankRange rank_of(std::span<const Real> scores, Token target);

// The probability that the rank is at most k.
[[nodiscard]] double hit_at(const RankRange& ranks, Index k);
// The expectation of 1 / log2(1 + rank), 0 beyond k: a target's part of the discounted cumulative gain (Jarvelin and
// Kekalainen 2002).
[[nodiscard]] double gain_at(const RankRange& ranks, Index k);
// The expectation of 1 / rank.
[[nodiscard]] double reciprocal_rank(const RankRange& ranks);

// The measures of one ranking with one or more right items.
struct RankingScore {
    double hit = 0;              // the expected number of right items among the first k, at most 1
    double recall = 0;           // that number divided by the smaller of k and the number of right items
    double ndcg = 0;             // the sum of gains at k, divided by that of the best ranking
    double reciprocal_rank = 0;  // of the best-ranked right item, if the others do not tie with it
};
// Throws Error without targets or a k below 1.
[[nodiscard]] RankingScore score_ranking(std::span<const RankRange> targets, Index k);

// The share of `others` that the target's score beats, where a tie counts half; 0.5 without others.
[[nodiscard]] double auc(Real target, std::span<const Real> others);

// A mean with its interval of 95 %.
struct Interval {
    // The mean, and the ends of the interval.
    double mean = 0, low = 0, high = 0;
};
// The mean of all values. The interval is that of 1,000 resamplings (Efron 1979) of users, with all values of a user
// together; values of a user stand together. Throws Error when lengths differ.
[[nodiscard]] Interval interval_of(std::span<const double> values, std::span<const Index> users,
                                   std::uint64_t seed = 1);
// The same of the differences a - b: two models on the same queries.
[[nodiscard]] Interval paired_interval(std::span<const double> a, std::span<const double> b,
                                       std::span<const Index> users, std::uint64_t seed = 1);

}  // namespace kvmem
