// Measures of a ranking: ties, chance, what is capped, and intervals.
#include "kvmem/tasks/recommendation/metrics.hpp"

#include "kvmem/core/error.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace kvmem;

static constexpr Real none = -std::numeric_limits<Real>::infinity();

TEST_CASE("a scorer of constants comes out at chance", "[ranking]") {
    const std::vector<Real> scores(50, 1);
    const RankRange ranks = rank_of(scores, 17);
    CHECK(ranks.mean() == 25.5);
    CHECK(hit_at(ranks, 10) == Approx(10.0 / 50));
    double gains = 0, reciprocals = 0;
    for (int rank = 1; rank <= 50; ++rank) {
        if (rank <= 10) gains += 1 / std::log2(1 + rank) / 50;
        reciprocals += 1.0 / rank / 50;
    }
    CHECK(gain_at(ranks, 10) == Approx(gains));
    CHECK(reciprocal_rank(ranks) == Approx(reciprocals));
    CHECK(auc(1, scores) == 0.5);
    CHECK(score_ranking(std::vector(3, ranks), 10).recall == Approx(0.2));
}

TEST_CASE("reciprocals of many tied ranks are their mean, wherever they begin", "[ranking]") {
    for (const Index better : {0, 1, 30, 31, 1000, 1000000})
        for (const Index equal : {1, 2, 31, 32, 33, 64, 5000}) {
            double sum = 0;
            for (Index rank = better + 1; rank <= better + equal; ++rank) sum += 1 / static_cast<double>(rank);
            CHECK(reciprocal_rank({better, equal}) == Approx(sum / static_cast<double>(equal)).epsilon(1e-10));
        }
}

TEST_CASE("reciprocals of all ranks up to many are exact", "[ranking]") {
    for (const Index equal : {33, 40, 64}) {
        double sum = 0;
        for (Index rank = equal; rank >= 1; --rank) sum += 1 / static_cast<double>(rank);
        CHECK(reciprocal_rank({0, equal}) == Approx(sum / static_cast<double>(equal)).epsilon(1e-14));
    }
}

TEST_CASE("a scorer that peeks at the targets comes out at one", "[ranking]") {
    std::vector<Real> scores(50, 0);
    scores[3] = scores[9] = 1;
    const std::vector ranks{rank_of(scores, 3), rank_of(scores, 9)};
    const RankingScore score = score_ranking(ranks, 10);
    CHECK(score.hit == 1);
    CHECK(score.recall == 1);
    CHECK(score.ndcg == Approx(1));
    CHECK(auc(scores[3], std::vector<Real>(10, 0)) == 1);
}

TEST_CASE("ranks count what is better and what is equal, without candidates of minus infinity", "[ranking]") {
    const std::vector<Real> scores{3, 1, none, 1, 5, 0};
    const RankRange ranks = rank_of(scores, 1);
    CHECK(ranks.better == 2);
    CHECK(ranks.equal == 2);
    CHECK(hit_at(ranks, 2) == 0);
    CHECK(hit_at(ranks, 3) == 0.5);
    CHECK(gain_at(ranks, 3) == Approx(0.5 / std::log2(4)));
    CHECK_THROWS_AS(rank_of(scores, 2), Error);
    CHECK_THROWS_AS(rank_of(scores, 6), Error);
}

TEST_CASE("a score that is no number is an error wherever it stands", "[ranking]") {
    std::vector<Real> scores{1, 2, 3};
    for (const Real bad : {std::numeric_limits<Real>::quiet_NaN(), std::numeric_limits<Real>::infinity()}) {
        scores[2] = bad;
        CHECK_THROWS_AS(rank_of(scores, 0), Error);
        CHECK_THROWS_AS(rank_of(scores, 2), Error);
    }
}

TEST_CASE("recall is divided by what the first k can hold", "[ranking]") {
    std::vector<RankRange> targets;
    for (Index i = 0; i < 20; ++i) targets.push_back({i, 1});
    CHECK(score_ranking(targets, 10).recall == 1);
    CHECK(score_ranking(targets, 10).ndcg == Approx(1));
    CHECK(score_ranking(std::vector{RankRange{0, 1}, RankRange{99, 1}}, 10).recall == 0.5);
    CHECK_THROWS_AS(score_ranking({}, 10), Error);
    CHECK_THROWS_AS(score_ranking(targets, 0), Error);
}

TEST_CASE("an interval holds its mean, and is a point where users do not differ", "[ranking]") {
    const std::vector<Index> users{0, 0, 1, 2, 3};
    const Interval point = interval_of(std::vector<double>(5, 0.25), users);
    CHECK(point.mean == Approx(0.25));
    CHECK(point.low == Approx(0.25));
    CHECK(point.high == Approx(0.25));
    const std::vector<double> values{0, 1, 1, 0, 1};
    const Interval wide = interval_of(values, users);
    CHECK(wide.mean == Approx(0.6));
    CHECK(wide.low < 0.6);
    CHECK(wide.high > 0.6);
    CHECK(interval_of(values, users).low == wide.low);
    CHECK(paired_interval(values, values, users).high == 0);
    CHECK_THROWS_AS(paired_interval(values, {}, users), Error);
}
