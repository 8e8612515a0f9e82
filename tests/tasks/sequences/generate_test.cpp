#include "kvmem/tasks/sequences/generate.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/softmax.hpp"
#include "tasks/sequences/toy_decoder.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>

using namespace kvmem;
using namespace kvmem::test;

namespace {

std::vector<Generated> results_of(const SequenceModel& model, const Tokens& source, const GenerateOptions& options,
                                  const GenerateExtras& extras = {}) {
    return generate(model, rows_of({source}), options, extras).at(0);
}

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

// The decoding of another model behind step() or step_scores() alone.
class Behind : public Decoding {
  public:
    explicit Behind(std::unique_ptr<Decoding> of) : of_(std::move(of)) {}
    Index vocabulary() const override { return of_->vocabulary(); }
    void step(std::span<const Token> tokens, View log_probabilities) override { of_->step(tokens, log_probabilities); }
    void reorder(std::span<const Index> rows) override { of_->reorder(rows); }

  protected:
    std::unique_ptr<Decoding> of_;
};

// Scores whose log-softmax are the probabilities of another model.
class ScoringModel : public SequenceModel {
    struct Steps : Behind {
        using Behind::Behind;
        void step(std::span<const Token> tokens, View out) override { step_scores(tokens, out), log_softmax(out); }
        bool step_scores(std::span<const Token> tokens, View scores) override {
            of_->step(tokens, scores);
            for (Index i = 0; i < scores.size(); ++i) scores.data[i] += static_cast<Real>(7 + tokens[i / scores.cols]);
            return false;
        }
    };

  public:
    explicit ScoringModel(const SequenceModel& of) : of_(of) {}
    std::unique_ptr<Decoding> begin(RaggedView<Token> sources) const override {
        return std::make_unique<Steps>(of_.begin(sources));
    }

  private:
    const SequenceModel& of_;
};

class Normalized : public SequenceModel {
  public:
    explicit Normalized(const SequenceModel& of) : of_(of) {}
    std::unique_ptr<Decoding> begin(RaggedView<Token> sources) const override {
        return std::make_unique<Behind>(of_.begin(sources));
    }

  private:
    const SequenceModel& of_;
};

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

TEST_CASE("new lines take the places of those that are over, where a model takes them", "[generate]") {
    ToyModel model = ToyModel::random(9, 6);
    const Ragged<Token> sources = random_sources(60, 7, 3);
    const auto expected = generate(model, sources, {.max_length = 25});
    const ThreadLimit one(1);
    std::size_t steps = 0;
    for (const bool takes : {false, true}) {
        model.takes_sources = takes;
        model.steps.clear();
        const auto found = generate(model, sources, {.max_length = 25, .batch = 4});
        CHECK(std::ranges::equal(found, expected, same));
        const auto free = [](const ToyModel::Step& step) { return step.rows < 3 && step.lines < 60; };
        CHECK(std::ranges::any_of(model.steps, free) != takes);
        CHECK((steps == 0 || model.steps.size() < steps));
        steps = model.steps.size();
    }
}

TEST_CASE("a decoding that takes no more sources refuses them", "[generate]") {
    const ToyModel model = ToyModel::random(9, 7);
    const auto decoding = Normalized(model).begin(rows_of({{3}}));
    CHECK_FALSE(decoding->takes_sources());
    CHECK_THROWS_WITH(decoding->add(rows_of({{4}})), Catch::Contains("takes no more sources"));
}

TEST_CASE("scores that a search normalises give the bits of log probabilities", "[generate]") {
    const ToyModel model = ToyModel::random(9, 7);
    const ScoringModel scoring(model);
    const Ragged<Token> sources = random_sources(20, 7, 4);
    const Ragged<Token> prefixes = random_sources(20, 2, 5);
    for (GenerateOptions options :
         {GenerateOptions{}, GenerateOptions{.beam = 4, .n_best = 3}, GenerateOptions{.beam = 3, .min_length = 6},
          GenerateOptions{.beam = 3, .no_repeat = 2, .repetition_penalty = 1.3},
          GenerateOptions{.n_best = 3, .sample = true}, GenerateOptions{.n_best = 3, .sample = true, .top_k = 3}}) {
        options.max_length = 25;
        const auto expected = generate(Normalized(scoring), sources, options, {.prefixes = prefixes});
        CHECK(std::ranges::equal(generate(scoring, sources, options, {.prefixes = prefixes}), expected, same));
    }
}

namespace {

// Beam search without batches: whole lists of tokens, scored anew.
struct NaiveBeam {
    struct Line {
        double score;
        Tokens tokens;
    };
    const ToyModel& model;
    GenerateOptions options;
    std::vector<Line> ended{};

    bool repeats(const Tokens& tokens, Token next) const {
        Tokens all = tokens;
        all.push_back(next);
        const auto n = static_cast<std::size_t>(options.no_repeat);
        for (std::size_t i = 0; n > 0 && i + n < all.size(); ++i)
            if (std::equal(all.end() - options.no_repeat, all.end(), all.begin() + static_cast<Index>(i))) return true;
        return false;
    }
    std::vector<Line> run(const Tokens& source) {
        std::vector<Line> growing{{0, {}}};
        for (Index length = 0; length <= options.max_length && !growing.empty(); ++length) {
            std::vector<std::pair<double, Tokens>> all;
            for (const Line& line : growing) {
                const auto next = model.next(source, line.tokens);
                for (Token t = 0; t < std::ssize(next); ++t) {
                    const bool known = std::ranges::find(line.tokens, t) != line.tokens.end();
                    if (t == test::begin || (t == test::end ? length < options.min_length : repeats(line.tokens, t)))
                        continue;
                    Tokens tokens = line.tokens;
                    tokens.push_back(t);
                    all.emplace_back(line.score + double{next[t]} * (known ? options.repetition_penalty : 1), tokens);
                }
            }
            std::ranges::stable_sort(all, std::greater(), [](const auto& x) { return x.first; });
            growing.clear();
            for (std::size_t rank = 0; rank < all.size(); ++rank) {
                auto [score, tokens] = all[rank];
                if (tokens.back() == test::end && static_cast<Index>(rank) < options.beam) {
                    tokens.pop_back();
                    ended.push_back({score / std::pow(length + 1, options.length_penalty), tokens});
                } else if (tokens.back() != test::end && std::ssize(growing) < options.beam &&
                           length < options.max_length)
                    growing.push_back({score, tokens});
            }
            std::ranges::stable_sort(ended, std::greater(), &Line::score);
            const auto waited = static_cast<double>(options.beam) * options.patience;
            if (std::ssize(ended) >= options.n_best && static_cast<double>(ended.size()) >= waited &&
                std::ranges::all_of(growing, [&](const Line& line) {
                    return line.score / std::pow(length + 1, options.length_penalty) <= ended[options.n_best - 1].score;
                }))
                break;
        }
        ended.resize(std::min<std::size_t>(ended.size(), options.n_best));
        return ended;
    }
};

}  // namespace

TEST_CASE("beam search finds what its naive twin finds, with any options", "[generate]") {
    Rng rng(9);
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        const ToyModel model = ToyModel::random(4 + rng.below(6), seed, 1.5);
        GenerateOptions options{.beam = 1 + rng.below(6), .max_length = 12};
        options.n_best = 1 + rng.below(options.beam);
        options.length_penalty = 0.5 + rng.uniform();
        options.patience = 0.5 + 2 * rng.uniform();
        options.min_length = rng.below(4);
        options.no_repeat = rng.below(4);
        if (rng.below(2) == 1) options.repetition_penalty = 1 + rng.uniform();
        const Tokens source(static_cast<std::size_t>(rng.below(4)), 3);
        const auto expected = NaiveBeam{model, options}.run(source);
        const auto found = generate(model, rows_of({source}), options).at(0);
        INFO("seed " << seed);
        REQUIRE(found.size() >= expected.size());
        for (std::size_t i = 0; i < expected.size(); ++i) {
            CHECK(found[i].ended);
            CHECK(found[i].tokens == expected[i].tokens);
            CHECK(found[i].score == Approx(expected[i].score));
            CHECK(found[i].log_probability == Approx(log_probability(model, source, found[i].tokens)));
        }
        for (std::size_t i = expected.size(); i < found.size(); ++i) CHECK_FALSE(found[i].ended);
    }
}

TEST_CASE("forced scores are what generation found", "[generate]") {
    const ToyModel model = ToyModel::random(9, 11);
    const Ragged<Token> sources = random_sources(30, 6, 3);
    const auto found = generate(model, sources, {.beam = 3, .max_length = 20});
    Ragged<Token> targets;
    for (const auto& results : found) targets.push_row(results[0].tokens);
    const Ragged<double> scores = score(model, sources, targets);
    for (Index i = 0; i < sources.size(); ++i) {
        REQUIRE(scores[i].size() == targets[i].size() + 1);
        double sum = 0;
        for (std::size_t t = 0; t < targets[i].size() + (found[i][0].ended ? 1 : 0); ++t) sum += scores[i][t];
        CHECK(sum == found[i][0].log_probability);
    }
    CHECK(score(model, sources, targets, 1) == scores);
    CHECK(score(model, sources, targets, 7) == scores);
    CHECK(score(model, {}, {}).size() == 0);
    CHECK_THROWS_WITH(score(model, sources, rows_of({{3}})), Catch::Contains("as many targets"));
    CHECK_THROWS_WITH(score(model, rows_of({{3}}), rows_of({{9}})), Catch::Contains("a token from 0 to 8"));
}

TEST_CASE("a target begins with its prefix, and lengths count what follows", "[generate]") {
    const ToyModel model = ToyModel::random(6, 2);
    const Ragged<Token> sources = rows_of({{3}, {}, {4, 4}}), prefixes = rows_of({{3, 4}, {}, {5}});
    const auto found = generate(model, sources, {.beam = 3, .max_length = 2}, {.prefixes = prefixes, .weights = true});
    for (Index i = 0; i < 3; ++i) {
        const Tokens& tokens = found[i][0].tokens;
        REQUIRE(tokens.size() >= prefixes[i].size());
        CHECK(tokens.size() <= prefixes[i].size() + 2);
        CHECK(std::ranges::equal(std::span(tokens).first(prefixes[i].size()), prefixes[i]));
        CHECK(found[i][0].weights.size() == 2 * std::ssize(tokens));
    }
    // Without room behind it, the prefix is the whole target.
    const auto forced = generate(model, sources, {.max_length = 0}, {.prefixes = prefixes});
    for (Index i = 0; i < 3; ++i) CHECK(std::ranges::equal(forced[i][0].tokens, prefixes[i]));
    CHECK_THROWS_WITH(generate(model, sources, {}, {.prefixes = rows_of({{3}, {}, {test::end}})}),
                      Catch::Contains("bad token in a prefix") && Catch::Contains("line 2"));
    CHECK_THROWS_WITH(generate(model, sources, {}, {.prefixes = rows_of({{3}})}), Catch::Contains("prefixes"));
}

TEST_CASE("lengths keep to their bounds", "[generate]") {
    const ToyModel model = ToyModel::random(6, 4);
    const Ragged<Token> sources = random_sources(20, 4, 4);
    for (const bool sample : {false, true})
        for (const auto& [min, max] : {std::pair<Index, Index>{0, 0}, {3, 3}, {2, 9}}) {
            const GenerateOptions options{.min_length = min, .max_length = max, .sample = sample};
            for (const auto& results : generate(model, sources, options)) {
                CHECK(std::ssize(results[0].tokens) >= min);
                CHECK(std::ssize(results[0].tokens) <= max);
            }
        }
    CHECK_THROWS_AS(generate(model, sources, {.min_length = 3, .max_length = 2}), UsageError);
}

TEST_CASE("a hypothesis of the largest length may still end, and is cut otherwise", "[generate]") {
    const ToyModel ends(5, [](const Tokens&, const Tokens& tokens) {
        return tokens.empty()       ? std::vector<double>{never, never, -9, 0, never}
               : tokens.size() == 1 ? std::vector<double>{never, never, never, 0, never}
                                    : std::vector<double>{never, never, 0, -9, never};
    });
    const Generated whole = best(ends, {}, {.beam = 2, .max_length = 2});
    CHECK(whole.tokens == Tokens{3, 3});
    CHECK(whole.ended);
    CHECK(best(ends, {}, {.max_length = 1}).tokens == Tokens{3});
    CHECK_FALSE(best(ends, {}, {.max_length = 1}).ended);
    // Those that ended come first, however well the others scored.
    const auto both = generate(ends, rows_of({{}}), {.beam = 2, .n_best = 2, .max_length = 1}).at(0);
    REQUIRE(both.size() == 2);
    CHECK(both[0].ended);
    CHECK(both[0].tokens.empty());
    CHECK(both[1].score > both[0].score);
}

TEST_CASE("what is impossible is never chosen", "[generate]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    // 3 alone is possible at first, then 4, and then the end; other numbers are NaN.
    const ToyModel model(6, [&](const Tokens&, const Tokens& tokens) {
        std::vector<double> scores(6, never);
        scores[tokens.empty() ? 3 : tokens.size() == 1 ? 4 : 2] = 0;
        return scores;
    });
    for (const Index beam : {1, 3}) {
        const Generated found = best(model, {}, {.beam = beam});
        CHECK(found.tokens == Tokens{3, 4});
        CHECK(found.log_probability == 0);
        // No token is left behind 3 4 when the end must not come yet.
        CHECK(best(model, {}, {.beam = beam, .min_length = 3}).tokens == Tokens{3, 4});
        CHECK_FALSE(best(model, {}, {.beam = beam, .min_length = 3}).ended);
    }
    CHECK(best(model, {}, {.sample = true}).tokens == Tokens{3, 4});
    const Ragged<Token> one = rows_of({{}});
    const auto forced = generate(model, one, {.max_length = 0}, {.prefixes = rows_of({{5}})});
    CHECK(forced[0][0].log_probability == never);
    const ToyModel broken(6, [&](const Tokens&, const Tokens&) { return std::vector<double>(6, nan); });
    for (const bool sample : {false, true})
        CHECK_THROWS_WITH(generate(broken, one, {.sample = sample}), Catch::Contains("gives no token a probability"));
    CHECK(generate(model, {}).empty());
}

TEST_CASE("samples follow the probabilities, and their seed, line and number alone", "[generate]") {
    const ToyModel model(6, [](const Tokens&, const Tokens& tokens) {
        return tokens.empty() ? std::vector<double>{never, never, never, std::log(0.5), std::log(0.3), std::log(0.2)}
                              : std::vector<double>{never, never, 0, never, never, never};
    });
    const auto shares = [&](GenerateOptions options) {
        options.sample = true;
        options.n_best = 1000;
        std::map<Token, double> counts;
        for (const Generated& sample : results_of(model, {3}, options)) {
            REQUIRE(sample.tokens.size() == 1);
            counts[sample.tokens[0]] += 1e-3;
        }
        return counts;
    };
    auto all = shares({});
    CHECK(all[3] == Approx(0.5).margin(0.05));
    CHECK(all[4] == Approx(0.3).margin(0.05));
    CHECK(shares({}) == all);
    CHECK(shares({.seed = 2}) != all);
    auto two = shares({.top_k = 2});
    CHECK(two[3] == Approx(0.625).margin(0.05));
    CHECK(two.count(5) == 0);
    CHECK(shares({.top_p = 0.5}).size() == 1);
    CHECK(shares({.top_p = 0.51}).size() == 2);
    CHECK(shares({.temperature = 0}).size() == 1);
    auto cold = shares({.temperature = 0.5});
    CHECK(cold[3] == Approx(0.25 / 0.38).margin(0.05));
    // The best samples of several are the first ones of more.
    const ToyModel random = ToyModel::random(9, 7);
    const auto few = generate(random, rows_of({{3}}), {.n_best = 2, .sample = true});
    const auto more = generate(random, rows_of({{3}}), {.n_best = 5, .sample = true});
    CHECK(same(few[0], {more[0][0], more[0][1]}));
    CHECK(few[0][0].tokens != few[0][1].tokens);
    CHECK_THROWS_WITH(generate(random, rows_of({{3}}), {.beam = 2, .sample = true}), Catch::Contains("beam"));
    CHECK_THROWS_WITH(generate(random, rows_of({{3}}), {.n_best = 2}), Catch::Contains("n_best"));
    CHECK_THROWS_AS(generate(random, rows_of({{3}}), {.top_p = 0}), UsageError);
}

TEST_CASE("samples behind an impossible prefix follow the probabilities behind it", "[generate]") {
    const ToyModel model(6, [](const Tokens&, const Tokens& tokens) {
        return tokens.empty() ? std::vector<double>{never, never, never, 0, never, never}
               : tokens.size() == 1
                   ? std::vector<double>{never, never, never, std::log(0.5), std::log(0.3), std::log(0.2)}
                   : std::vector<double>{never, never, 0, never, never, never};
    });
    std::map<Token, double> counts;
    for (const Generated& sample :
         results_of(model, {3}, {.n_best = 1000, .sample = true}, {.prefixes = rows_of({{5}})})) {
        REQUIRE(sample.tokens.size() == 2);
        CHECK(sample.log_probability == never);
        counts[sample.tokens[1]] += 1e-3;
    }
    CHECK(counts[3] == Approx(0.5).margin(0.05));
    CHECK(counts[4] == Approx(0.3).margin(0.05));
}

TEST_CASE("tokens are told as soon as they are chosen, and a line can be cut", "[generate]") {
    const ToyModel model = ToyModel::random(7, 6);
    const Ragged<Token> sources = random_sources(12, 4, 5);
    Ragged<Token> prefixes;
    for (Index i = 0; i < sources.size(); ++i) prefixes.push_row(Tokens{4});
    const auto whole = generate(model, sources, {.max_length = 9}, {.prefixes = prefixes});
    std::vector<Tokens> told(12, Tokens{4});
    std::vector<double> sums(12);
    Index done = 0;
    const auto again = generate(model, sources, {.max_length = 9, .batch = 5},
                                {.prefixes = prefixes,
                                 .token =
                                     [&](const NewToken& next) {
                                         told[next.line].push_back(next.token);
                                         return told[next.line].size() < 5;
                                     },
                                 .progress = [&](Index lines) { done = lines; }});
    CHECK(done == 12);
    for (std::size_t i = 0; i < told.size(); ++i) {
        CHECK(again[i][0].tokens == told[i]);
        CHECK(std::equal(told[i].begin(), told[i].end(), whole[i][0].tokens.begin()));
        CHECK(told[i].size() == std::min<std::size_t>(5, whole[i][0].tokens.size()));
    }
    CHECK_THROWS_WITH(generate(model, sources, {.beam = 2}, {.token = [](const NewToken&) { return true; }}),
                      Catch::Contains("beam"));
}

TEST_CASE("each head's weights come with their token, also from a beam", "[generate]") {
    const ToyModel model = ToyModel::random(6, 8);
    const Tokens source{3, 4, 5, 3};
    for (const Generated& found :
         results_of(model, source, {.beam = 4, .n_best = 4, .max_length = 6}, {.weights = true})) {
        REQUIRE(found.heads == 2);
        REQUIRE(found.weights.size() == 2 * std::ssize(found.tokens));
        for (Index t = 0; t < std::ssize(found.tokens); ++t)
            for (Index slot = 0; slot < 4; ++slot) {
                CHECK(found.weights[2 * t][slot] == (slot == t ? 1 : 0));
                CHECK(found.weights[2 * t + 1][slot] == Real{0.25});
            }
    }
    CHECK(best(model, source).weights.empty());
}

TEST_CASE("the coverage penalty asks for targets that read all of their source", "[generate]") {
    const ToyModel model = ToyModel::random(6, 8);
    const Tokens source{3, 4, 5, 3};
    const GenerateOptions covering{.beam = 200, .n_best = 20, .coverage_penalty = 0.2, .max_length = 3};
    for (const Generated& found : results_of(model, source, covering)) {
        double coverage = 0;  // by the mean of the two heads
        for (std::size_t slot = 0; slot < source.size(); ++slot)
            coverage += std::log(std::min(
                1.0, (slot < found.tokens.size() ? 0.5 : 0) + 0.125 * static_cast<double>(found.tokens.size()) + 1e-9));
        if (!found.tokens.empty())
            CHECK(found.score ==
                  Approx(found.log_probability / static_cast<double>(found.tokens.size() + 1) + 0.2 * coverage));
    }
}

TEST_CASE("an ensemble has the mean of its models' probabilities and all of their heads", "[generate]") {
    const ToyModel a = ToyModel::random(7, 1), b = ToyModel::random(7, 2), other = ToyModel::random(8, 1);
    const Ensemble both({&a, &b});
    const Ragged<Token> sources = random_sources(10, 4, 6);
    const auto found = generate(both, sources, {.beam = 2, .max_length = 8}, {.weights = true});
    for (Index i = 0; i < sources.size(); ++i) {
        const Tokens source(sources[i].begin(), sources[i].end());
        const Generated& result = found[i][0];
        CHECK(result.heads == 4);
        CHECK(result.weights.size() == 4 * std::ssize(result.tokens));
        double sum = 0;
        Tokens before;
        Tokens next = result.tokens;
        if (result.ended) next.push_back(test::end);
        for (const Token token : next) {
            const auto t = static_cast<std::size_t>(token);
            sum += std::log(
                (std::exp(double{a.next(source, before)[t]}) + std::exp(double{b.next(source, before)[t]})) / 2);
            before.push_back(token);
        }
        CHECK(result.log_probability == Approx(sum));
    }
    const Ensemble one({&a});
    CHECK(same(generate(one, sources, {.max_length = 8})[0], generate(a, sources, {.max_length = 8})[0]));
    CHECK_THROWS_AS(Ensemble({}), UsageError);
    CHECK_THROWS_WITH(generate(Ensemble({&a, &other}), sources), Catch::Contains("different tokens"));
}
