#include "kvmem/kernels/paths.hpp"

#include "kvmem/core/error.hpp"
#include "support/random_facts.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <map>

using namespace kvmem;
using namespace kvmem::test;

// Tries all paths.
static void follow_all(const Facts& facts, std::span<const Token> starts,
                       std::span<const std::span<const Real>> relations, Real gate, Token at, Real weight,
                       std::map<Token, Real>& best) {
    if (relations.empty()) {
        best[at] = std::max(best[at], weight);
        return;
    }
    const auto go = [&](Token to, Real by) { follow_all(facts, starts, relations.subspan(1), gate, to, by, best); };
    go(at, weight * relations[0].back());
    for (Index key = facts.keys_of(at).first; key < facts.keys_of(at).second; ++key)
        for (const Token object : facts.row(key).objects)
            go(object, weight * relations[0][static_cast<std::size_t>(facts.row(key).relation)] *
                           (std::ranges::find(starts, object) != starts.end() ? gate : Real{1}));
}

TEST_CASE("the strongest path to each entity is found", "[paths]") {
    const Facts facts = random_facts(30, 3, 90, 1);
    std::vector<Real> zeros(static_cast<std::size_t>(facts.entities()));
    PathFinder finder(facts, zeros);
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        const Matrix weights = random_weights(3, 4, seed);
        const std::vector<std::span<const Real>> relations{weights.view().middle_rows(0, 1).span(),
                                                           weights.view().middle_rows(1, 1).span(),
                                                           weights.view().middle_rows(2, 1).span()};
        const std::vector<Token> starts{static_cast<Token>(seed), static_cast<Token>(seed + 7)};
        std::map<Token, Real> best;
        for (const Token start : starts) follow_all(facts, starts, relations, 0.5F, start, 0.5F, best);
        const auto hops = finder.find(starts, relations, {.gate = 0.5F, .min_share = 0});
        REQUIRE(hops.size() == 4);
        CHECK(hops[3].size() == best.size());
        for (const Reached& r : hops[3]) {
            CHECK(r.weight == Approx(best.at(r.entity)));
            // A path back to a start.
            const Reached* at = &r;
            for (std::size_t h = 3; h > 0; --h) {
                const Reached& from = hops[h - 1][static_cast<std::size_t>(at->from)];
                if (at->relation == 3) {
                    CHECK(from.entity == at->entity);
                } else {
                    bool is_fact = false;
                    for (Index k = facts.keys_of(from.entity).first; k < facts.keys_of(from.entity).second; ++k)
                        is_fact = is_fact || (facts.row(k).relation == at->relation &&
                                              std::ranges::binary_search(facts.row(k).objects, at->entity));
                    CHECK(is_fact);
                }
                at = &from;
            }
            CHECK(std::ranges::find(starts, at->entity) != starts.end());
        }
    }
}

TEST_CASE("paths of little weight are left, and nothing is reached from nowhere", "[paths]") {
    const Facts facts({{0, 0, 1}, {0, 1, 2}}, 3, 2);
    std::vector<Real> zeros(static_cast<std::size_t>(facts.entities()));
    PathFinder finder(facts, zeros);
    const std::array<Real, 3> followed{0.9F, 0.0001F, 0.05F}, nothing{};
    const std::vector<std::span<const Real>> once{followed}, zero{nothing}, never;
    const std::vector<Token> start{0}, none, outside{3};
    const auto hops = finder.find(start, once);
    REQUIRE(hops[1].size() == 2);  // it stays, or goes to 1
    CHECK(finder.find(start, once, {.min_share = 0})[1].size() == 3);
    CHECK(finder.find(start, zero)[1].empty());
    CHECK(finder.find(none, once)[1].empty());
    CHECK(finder.find(start, never).size() == 1);
    CHECK_THROWS_AS(finder.find(outside, once), Error);
    const std::vector<std::span<const Real>> narrow{std::span(followed).first(2)};
    CHECK_THROWS_AS(finder.find(start, narrow), Error);
    CHECK(std::ranges::count(zeros, Real{0}) == std::ssize(zeros));  // as they were
    CHECK_THROWS_AS(PathFinder(facts, std::span(zeros).first(2)), Error);
}
