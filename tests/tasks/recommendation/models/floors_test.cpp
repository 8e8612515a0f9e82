// Models that count: their formulas against a plain computation.
#include "kvmem/tasks/recommendation/models/floors.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/recommendation/evaluate.hpp"
#include "support/ring_events.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>

using namespace kvmem;

namespace {

using Sequences = std::vector<std::vector<Token>>;

// A step between two events is a day.
EventsDataset dataset_of(const Sequences& sequences) {
    EventsBuilder builder;
    for (std::size_t user = 0; user < sequences.size(); ++user)
        for (std::size_t t = 0; t < sequences[user].size(); ++t) {
            const std::string name = "u" + std::to_string(user), item = std::to_string(sequences[user][t]);
            builder.add({.user = name, .object = item, .time = static_cast<Index>(t) * seconds_per_day});
        }
    return builder.finish();
}

// Straight from the formula.
std::vector<double> neighbours(const Sequences& sequences, const std::vector<Token>& history, Token items) {
    std::map<std::pair<Token, Token>, double> co;
    std::vector<double> n(items), scores(items);
    for (const std::vector<Token>& all : sequences) {
        for (const Token item : all) ++n[item];
        const std::size_t first = all.size() > 50 ? all.size() - 50 : 0;
        for (std::size_t a = first; a < all.size(); ++a)
            for (std::size_t b = first; b < all.size(); ++b) {
                const auto distance = static_cast<double>(a > b ? a - b : b - a);
                if (a != b && distance <= 10) co[{all[a], all[b]}] += (b > a ? 1 : 0.5) * std::pow(0.7, distance - 1);
            }
    }
    for (std::size_t k = 0; k < std::min<std::size_t>(10, history.size()); ++k) {
        const Token j = history[history.size() - 1 - k];
        for (Token i = 0; i < items; ++i)
            scores[i] += std::pow(0.7, k) * co[{j, i}] / std::sqrt(1 + n[j]) / std::pow(1 + n[i], 0.25);
    }
    return scores;
}

}  // namespace

TEST_CASE("item-knn is its formula", "[floors]") {
    Rng rng(4);
    Sequences sequences;
    for (Index user = 0; user < 6; ++user) {
        auto& all = sequences.emplace_back();
        for (Index t = 0; t < (user == 0 ? 70 : 3 + 4 * user); ++t)
            all.push_back(static_cast<Token>(user == 0 && t < 12 ? t : rng.below(12)));
    }
    const EventsDataset data = dataset_of(sequences);
    const EventMemory memory = memory_before(data, 0, EventMark::valid);
    ItemKnn model({}, catalog_of(data));
    CHECK_THROWS_AS(model.explain({&data.events, 0, 1, 0}, 0), Error);
    model.remember(memory);
    Matrix scores(1, 12);
    const History history{&data.events, 0, 70, 100 * seconds_per_day};
    model.score({&history, 1}, scores);
    const std::vector<double> expected = neighbours(sequences, sequences[0], 12);
    for (Index i = 0; i < 12; ++i) CHECK(double{scores(0, i)} == Approx(expected[i]).epsilon(1e-4));
    const Explanation explanation = model.explain(history, 5);
    CHECK(explanation.weights.cols() == 70);
    CHECK(explanation.weights(0, 69) > 0);
    CHECK(explanation.weights(0, 0) == 0);  // too long ago
}

TEST_CASE("popularity is a sum of decayed events, and own items come before it", "[floors]") {
    const EventsDataset data = dataset_of({{0, 1, 2, 2}, {3, 2}});
    const EventMemory memory = memory_before(data, 0, EventMark::valid);
    Popularity popularity({.half_life = 1}, catalog_of(data));
    OwnItems own({.half_life = 2, .recency = 0.1, .popularity_half_life = 1}, catalog_of(data));
    popularity.remember(memory), own.remember(memory);
    const History history{&data.events, 0, 2, 4 * seconds_per_day};
    Matrix scores(1, 4);
    popularity.score({&history, 1}, scores);
    CHECK(double{scores(0, 0)} == Approx(std::exp2(-4)));
    CHECK(double{scores(0, 2)} == Approx(std::exp2(-2) + std::exp2(-1) + std::exp2(-3)));
    const double max = double{scores(0, 2)}, first = double{scores(0, 0)};
    own.score({&history, 1}, scores);
    CHECK(double{scores(0, 0)} == Approx(std::exp2(-2) + 0.1 * first / max));
    CHECK(double{scores(0, 2)} == Approx(0.1));
    CHECK(own.explain(history, 1).weights(0, 1) > 0);
    CHECK(own.explain(history, 1).weights(0, 0) == 0);
    CHECK_THROWS_AS(Popularity({.half_life = -1}, catalog_of(data)), UsageError);
}

TEST_CASE("neighbours are read as they were before a time", "[floors]") {
    const EventsDataset data = dataset_of({{0, 1, 2}, {0, 3}});
    const EventMemory memory = memory_before(data, 0, EventMark::valid);
    std::vector<Real> sums(4);
    add_neighbours(memory, 0, seconds_per_day, 1, {}, sums);
    CHECK(sums == std::vector<Real>(4, 0));  // what followed came a day later
    add_neighbours(memory, 0, seconds_per_day + 1, 1, {}, sums);
    CHECK(sums == std::vector<Real>{0, 1, 0, 1});
    add_neighbours(memory, 0, 9 * seconds_per_day, 1, {.occurrences = 1}, sums);
    CHECK(sums[3] == 2);  // of the latest occurrence alone
    CHECK(sums[1] == 1);
}
