// Memories beside models: what a step reads, and that pairs adapt a model at once.
#include "kvmem/tasks/sequences/memory_model.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/sequences/generate.hpp"
#include "kvmem/tasks/sequences/models/recurrent_text.hpp"
#include "kvmem/tasks/sequences/models/seq2seq.hpp"
#include "support/toy_pairs.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace kvmem;
using store::MemoryStore;

namespace {
Seq2SeqConfig small(std::uint64_t seed = 1) {
    Seq2SeqConfig c;
    c.width = 16;
    c.embedding = 8;
    c.seed = seed;
    return c;
}

std::optional<std::string> numbered(Index i, Index t) { return std::to_string(i) + ":" + std::to_string(t); }

// An untrained model with pairs, which its memory knows.
struct Remembered {
    PairsDataset data = test::toy_pairs(40, 6);
    const PairSplit& known = data.split("train");
    Seq2Seq model{small(), {data.source, data.target}};
    MemoryStore memory{memory_options_of(model)};

    Remembered() { remember(memory, model, known.source, known.target, numbered); }
};

std::vector<Token> tokens_of(std::span<const Token> tokens) { return {tokens.begin(), tokens.end()}; }

// The log probabilities of the first step for a source.
std::vector<Real> first_step(const SequenceModel& model, std::span<const Token> source, Matrix* state = nullptr) {
    Ragged<Token> sources;
    sources.push_row(source);
    const auto decoding = model.begin(sources);
    Matrix logs(1, decoding->vocabulary());
    decoding->step(std::span(&begin_token, 1), logs);
    if (state) {
        *state = Matrix(1, decoding->states().cols);
        std::ranges::copy(decoding->states().span(), state->data());
    }
    return {logs.data(), logs.data() + logs.size()};
}

bool same_results(const std::vector<Generated>& a, const std::vector<Generated>& b) {
    return std::ranges::equal(a, b, [](const Generated& x, const Generated& y) {
        return x.tokens == y.tokens && x.log_probability == y.log_probability && x.score == y.score;
    });
}
}  // namespace

TEST_CASE("a step with a memory mixes the model's probabilities with the tokens of the nearest states", "[memory]") {
    const Remembered r;
    CHECK(r.memory.size() == std::ssize(r.known.target.values) + r.known.target.size());
    const MemoryOptions options{.neighbours = 9, .mix = 0.4, .memory_temperature = 0.05};
    const auto source = r.data.split("valid").source[0];
    Matrix state;
    const std::vector<Real> plain = first_step(r.model, source, &state);
    const store::StoredSlots slots = r.memory.get(r.memory.ids());
    std::vector<std::pair<double, Token>> near;
    for (Index i = 0; i < slots.keys.rows(); ++i) {
        double distance = 0;
        for (Index j = 0; j < state.cols(); ++j)
            distance += std::pow(double{slots.keys(i, j)} - double{state(0, j)}, 2);
        near.emplace_back(distance, static_cast<Token>(slots.values(i, 0)));
    }
    std::ranges::sort(near);
    std::vector<double> expected;
    for (const Real x : plain) expected.push_back(0.6 * std::exp(double{x}));
    double sum = 0;
    for (int i = 0; i < 9; ++i) sum += std::exp(-near[i].first / 0.05);
    for (int i = 0; i < 9; ++i) expected[near[i].second] += 0.4 * std::exp(-near[i].first / 0.05) / sum;
    const std::vector<Real> mixed = first_step(MemoryModel(r.model, r.memory, options), source);
    for (std::size_t token = 0; token < mixed.size(); ++token)
        CHECK(std::exp(double{mixed[token]}) == Approx(expected[token]).epsilon(1e-4));
}

TEST_CASE("a memory that is empty or has no share leaves the bits of the model", "[memory]") {
    const Remembered r;
    const auto source = r.known.source[3];
    const MemoryStore empty(memory_options_of(r.model));
    CHECK(first_step(MemoryModel(r.model, empty, {}), source) == first_step(r.model, source));
    CHECK(first_step(MemoryModel(r.model, r.memory, {.mix = 0}), source) == first_step(r.model, source));
}

TEST_CASE("a pair that is remembered is what the model writes at once", "[memory]") {
    const Remembered r;
    MemoryStore memory(memory_options_of(r.model));
    const MemoryModel model(r.model, memory, {.neighbours = 1, .mix = 0.9, .memory_temperature = 1});
    Ragged<Token> source, target;
    source.push_row(r.known.source[5]);
    target.push_row(r.known.target[5]);
    CHECK(generate(model, source, {.max_length = 20})[0][0].tokens != tokens_of(r.known.target[5]));
    remember(memory, r.model, source, target, numbered);
    CHECK(generate(model, source, {.max_length = 20})[0][0].tokens == tokens_of(r.known.target[5]));
}

TEST_CASE("a line with a memory has the same bits in any batch, on any threads and with any encoding", "[memory]") {
    const Remembered r;
    store::StoreOptions int8 = memory_options_of(r.model);
    int8.encoding = store::KeyEncoding::int8;
    MemoryStore packed(int8);
    remember(packed, r.model, r.known.source, r.known.target, numbered);
    const MemoryOptions options{.memory_temperature = 0.05};
    const MemoryModel model(r.model, r.memory, options), other(r.model, packed, options);
    GenerateOptions search{.beam = 3, .n_best = 3, .max_length = 8};
    const auto all = generate(model, r.known.source, search);
    CHECK(std::ranges::equal(all, generate(other, r.known.source, search), same_results));
    const ThreadLimit one(1);
    search.batch = 3;
    CHECK(std::ranges::equal(all, generate(model, r.known.source, search), same_results));
}

TEST_CASE("an explanation tells what the steps of a target read", "[memory]") {
    const Remembered r;
    const MemoryModel model(r.model, r.memory, {.neighbours = 4, .memory_temperature = 0.01});
    const auto told = model.explain(r.known.source[2], r.known.target[2]);
    const auto target = r.known.target[2];
    REQUIRE(told.size() == target.size() + 1);
    for (std::size_t t = 0; t < told.size(); ++t) {
        REQUIRE(told[t].size() == 4);
        // The state itself is in the memory.
        CHECK(r.memory.get(std::vector<store::Id>{told[t][0].id}).texts[0] == "2:" + std::to_string(t));
        CHECK(told[t][0].token == (t < target.size() ? target[t] : end_token));
        double sum = 0;
        for (const Recalled& slot : told[t]) sum += slot.weight;
        CHECK(sum == Approx(1));
    }
}

TEST_CASE("trials of options find what greedy search and scores find", "[memory]") {
    const Remembered r;
    const PairSplit& known = r.known;
    std::vector<Index> offsets(static_cast<std::size_t>(known.size()) + 1);
    std::iota(offsets.begin(), offsets.end(), Index{0});
    const std::vector<MemoryOptions> choices{{.mix = 0},
                                             {.neighbours = 2, .mix = 0.5, .memory_temperature = 0.1},
                                             {.neighbours = 8, .mix = 0.9, .memory_temperature = 0.01}};
    const auto trials = try_memory(r.model, r.memory, known.source, known.target, offsets, choices);
    REQUIRE(trials.size() == 3);
    for (const MemoryTrial& trial : trials) {
        const MemoryModel model(r.model, r.memory, trial.options);
        const auto outputs = generate(model, known.source, {.max_length = 20});
        double right = 0, sum = 0;
        for (Index i = 0; i < known.size(); ++i)
            right += std::ranges::equal(outputs[static_cast<std::size_t>(i)][0].tokens, known.target[i]);
        const Ragged<double> scores = score(model, known.source, known.target);
        for (const double x : scores.values) sum += x;
        CHECK(trial.exact == Approx(right / static_cast<double>(known.size())));
        CHECK(trial.perplexity == Approx(std::exp(-sum / static_cast<double>(scores.values.size()))));
    }
    CHECK(trials[2].exact > trials[0].exact);
}

TEST_CASE("an ensemble has a memory of the states of all its models", "[memory]") {
    const Remembered r;
    const Seq2Seq other(small(2), {r.data.source, r.data.target});
    const Ensemble both({&r.model, &other});
    MemoryStore memory(memory_options_of(both));
    CHECK(memory.options().key_width == 32);
    remember(memory, both, r.known.source, r.known.target, numbered);
    const MemoryModel model(both, memory, {.neighbours = 1, .mix = 0.9, .memory_temperature = 1});
    CHECK(generate(model, r.known.source, {.max_length = 20})[4][0].tokens == tokens_of(r.known.target[4]));
}

TEST_CASE("a language model has a memory of texts, of which some symbols may have no slot", "[memory]") {
    const PairsDataset data = test::toy_pairs(20, 2);
    RecurrentTextConfig config;
    config.width = 16;
    const RecurrentText model(config, {Units(), data.target});
    MemoryStore memory(memory_options_of(model));
    Ragged<Token> none, text;
    none.end_row();
    text.push_row(data.split("train").target[0]);
    remember(memory, model, none, text, [](Index, Index t) { return t < 1 ? std::optional<std::string>() : "x"; });
    CHECK(memory.size() == std::ssize(text.values));
    const MemoryModel both(model, memory, {.neighbours = 1, .mix = 0.9, .memory_temperature = 1});
    Ragged<Token> prefix;
    prefix.push_row(text[0].first(1));
    CHECK(generate(both, none, {.max_length = 20}, {.prefixes = prefix})[0][0].tokens == text.values);
}

TEST_CASE("a store that is no memory of the model is an error", "[memory]") {
    const Remembered r;
    MemoryStore wide({.key_width = 17, .value_width = 1, .metric = Similarity::euclidean});
    CHECK_THROWS_WITH(MemoryModel(r.model, wide, {}), Catch::Contains("not one of this model"));
    CHECK_THROWS_WITH(remember(wide, r.model, {}, {}, numbered), Catch::Contains("not one of this model"));
    CHECK_THROWS_AS(MemoryModel(r.model, MemoryStore({.key_width = 16, .value_width = 1}), {}), Error);
    MemoryStore forged(memory_options_of(r.model));
    forged.add(Matrix(1, 16), {Matrix(1, 1)});
    const std::vector<float> key(16, 9), value{1e6f};
    forged.add(7, key, value);
    CHECK_THROWS_WITH(first_step(MemoryModel(r.model, forged, {}), r.known.source[0]), Catch::Contains("tokens below"));
    CHECK_THROWS_AS(MemoryModel(r.model, r.memory, {.neighbours = 0}), UsageError);
}
