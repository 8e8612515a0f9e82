#include "kvmem/tasks/sequences/generate.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "tasks/sequences/toy_decoder.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>

using namespace kvmem;
using namespace kvmem::test;

namespace {

Generated best(const ToyModel& model, const Tokens& source, const GenerateOptions& options = {}) {
    return generate(model, rows_of({source}), options).at(0).at(0);
}

double log_probability(const ToyModel& model, const Tokens& source, const Tokens& tokens, bool ended = true) {
    double sum = 0;
    Tokens before;
    for (const Token token : tokens) {
        sum += double{model.next(source, before)[static_cast<std::size_t>(token)]};
        before.push_back(token);
    }
    return ended ? sum + double{model.next(source, before)[test::end]} : sum;
}

// All targets of up to `max` tokens, with the log probabilities of them and their end.
std::vector<std::pair<double, Tokens>> all_targets(const ToyModel& model, const Tokens& source, Index vocabulary,
                                                   std::size_t max) {
    std::vector<std::pair<double, Tokens>> all;
    std::vector<Tokens> open{{}};
    for (std::size_t i = 0; i < open.size(); ++i) {
        const Tokens tokens = open[i];
        all.emplace_back(log_probability(model, source, tokens), tokens);
        for (Token token = 0; token < vocabulary && tokens.size() < max; ++token) {
            if (token == test::begin || token == test::end) continue;
            open.push_back(tokens);
            open.back().push_back(token);
        }
    }
    return all;
}

bool same(const std::vector<Generated>& a, const std::vector<Generated>& b) {
    return std::ranges::equal(a, b, [](const Generated& x, const Generated& y) {
        return x.tokens == y.tokens && x.ended == y.ended && x.log_probability == y.log_probability &&
               x.score == y.score && x.weights == y.weights;
    });
}

}  // namespace

TEST_CASE("greedy search takes the most probable token until the end", "[generate]") {
    const ToyModel model = ToyModel::random(7, 1);
    for (const Tokens& source : {Tokens{}, Tokens{3}, Tokens{4, 5, 3}}) {
        Tokens expected;
        bool ended = false;
        while (!ended && expected.size() < 30) {
            std::vector<Real> next = model.next(source, expected);
            next[test::begin] = static_cast<Real>(never);
            const auto token = static_cast<Token>(std::ranges::max_element(next) - next.begin());
            ended = token == test::end;
            if (!ended) expected.push_back(token);
        }
        const Generated found = best(model, source, {.max_length = 30});
        CHECK(found.tokens == expected);
        CHECK(found.ended == ended);
        CHECK(found.log_probability == Approx(log_probability(model, source, expected, ended)));
    }
}

TEST_CASE("a beam of full width finds what exhaustive search finds", "[generate]") {
    constexpr Index vocabulary = 5;
    for (const double penalty : {0.0, 0.7, 1.0, -0.5})
        for (std::uint64_t seed = 1; seed <= 5; ++seed) {
            const ToyModel model = ToyModel::random(vocabulary, seed, 1);
            auto all = all_targets(model, {3, 4}, vocabulary, 3);
            for (auto& [score, tokens] : all) score /= std::pow(static_cast<double>(tokens.size() + 1), penalty);
            std::ranges::sort(all, std::greater());
            const auto found = generate(model, rows_of({{3, 4}}),
                                        {.beam = 200, .n_best = 10, .length_penalty = penalty, .max_length = 3})
                                   .at(0);
            REQUIRE(found.size() == 10);
            for (std::size_t i = 0; i < found.size(); ++i) {
                CHECK(found[i].tokens == all[i].second);
                CHECK(found[i].score == Approx(all[i].first));
            }
        }
}

TEST_CASE("a beam finds more probable targets than greedy search", "[generate]") {
    const ToyModel model = ToyModel::random(8, 3, 1);
    const Ragged<Token> sources = random_sources(50, 6, 1);
    const auto greedy = generate(model, sources, {.length_penalty = 0, .max_length = 20});
    double before = 0;
    for (const auto& results : greedy) before += results[0].log_probability;
    for (const Index beam : {2, 5, 20}) {
        double sum = 0;
        for (const auto& results : generate(model, sources, {.beam = beam, .length_penalty = 0, .max_length = 20}))
            sum += results[0].log_probability;
        CHECK(sum >= before);
        before = sum;
    }
}

TEST_CASE("a line's results have the same bits in any batch and order and on any number of threads", "[generate]") {
    const ToyModel model = ToyModel::random(9, 5);
    const Ragged<Token> sources = random_sources(40, 7, 2);
    Ragged<Token> reversed, prefixes, reversed_prefixes;
    for (Index i = 0; i < sources.size(); ++i) prefixes.push_row(Tokens(static_cast<std::size_t>(i % 3), 4));
    for (Index i = sources.size() - 1; i >= 0; --i) {
        reversed.push_row(sources[i]);
        reversed_prefixes.push_row(prefixes[i]);
    }
    for (GenerateOptions options : {GenerateOptions{}, GenerateOptions{.beam = 4, .n_best = 3, .coverage_penalty = 0.3},
                                    GenerateOptions{.n_best = 3, .sample = true, .top_k = 5, .top_p = 0.9}}) {
        options.max_length = 25;
        options.no_repeat = 3;
        const auto whole = generate(model, sources, options, {.prefixes = prefixes, .weights = true});
        const auto backwards = generate(model, reversed, options, {.prefixes = reversed_prefixes, .weights = true});
        options.batch = 7;
        const ThreadLimit one(1);
        const auto small = generate(model, sources, options, {.prefixes = prefixes, .weights = true});
        for (Index i = 0; i < sources.size(); ++i) {
            const auto line = static_cast<std::size_t>(i);
            const auto alone =
                generate(model, rows_of({Tokens(sources[i].begin(), sources[i].end())}), options,
                         {.prefixes = rows_of({Tokens(prefixes[i].begin(), prefixes[i].end())}), .weights = true});
            CHECK(same(whole[line], alone[0]));
            CHECK(same(whole[line], small[line]));
            CHECK(same(whole[line], backwards[backwards.size() - 1 - line]));
        }
    }
}
