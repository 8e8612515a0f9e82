#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/model_file.hpp"
#include "kvmem/tasks/qa/models/path_reader.hpp"
#include "support/story_models.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_kb.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

using namespace kvmem;
using namespace kvmem::test;

static PathReaderConfig tiny(Index members) {
    PathReaderConfig config;
    config.width = 8;
    config.hops = 2;
    config.members = members;
    config.ngram_buckets = 64;
    config.max_fanout = 0;
    return config;
}

static std::unique_ptr<PathReader> reader_of(const QaDataset& dataset, const PathReaderConfig& config,
                                             const LoadParameter& load = {}) {
    return std::make_unique<PathReader>(config, dataset.vocabulary, dataset.candidates, load);
}

// A reader that follows few relations, and others for each seed.
static std::unique_ptr<PathReader> decided(const QaDataset& dataset, std::uint64_t seed) {
    PathReaderConfig config = tiny(1);
    config.seed = seed;
    auto reader = reader_of(dataset, config);
    for (Real& number : reader->parameters().find("relations")->value.view().span()) number *= 12;
    return reader;
}

// A reader whose members are these two.
static std::unique_ptr<PathReader> both_of(const QaDataset& dataset, PathReader& one, PathReader& other) {
    const std::string prefix = "member-2.";
    return reader_of(dataset, tiny(2), [&](const std::string& name) {
        return name.starts_with(prefix) ? other.parameters().find(name.substr(prefix.size()))->value
                                        : one.parameters().find(name)->value;
    });
}

// Questions of a split, with the facts that their batch refers to.
struct AskedFacts {
    Retriever retriever;
    Batch batch;

    AskedFacts(const QaDataset& dataset, const Model& model, const std::string& split, Index count)
        : retriever(dataset.memory, dataset.vocabulary, model.retrieval()) {
        for (Index i = 0; i < count; ++i) add_example(batch, dataset, dataset.split(split), i, retriever);
    }
};

static Ragged<Scored> few_scores(const Model& model, const QaDataset& dataset, AttentionTrace& trace) {
    Tape tape;
    tape.set_training(false);
    trace.max_paths = 3;
    return model.score_few(tape, AskedFacts(dataset, model, "test", 20).batch, &trace);
}

static std::map<Index, double> weights_of(std::span<const Scored> scores) {
    std::map<Index, double> weights;
    for (const Scored& s : scores) weights[s.index] = std::exp(double{s.score});
    return weights;
}

// The first of the largest; -1: there is none.
static Index best_of(std::span<const Scored> scores) {
    return scores.empty() ? -1 : std::ranges::max_element(scores, {}, &Scored::score)->index;
}

TEST_CASE("two members of a path reader answer as the mean of both", "[path-reader]") {
    const QaDataset dataset = toy_kb();
    const auto one = decided(dataset, 1), other = decided(dataset, 2);
    const auto both = both_of(dataset, *one, *other);
    CHECK_THAT(both->summary(), Catch::EndsWith(", the mean of 2 networks"));
    AttentionTrace of_one, of_other, of_both;
    const Ragged<Scored> first = few_scores(*one, dataset, of_one), second = few_scores(*other, dataset, of_other),
                         mean = few_scores(*both, dataset, of_both);
    Index of_one_alone = 0;
    for (Index i = 0; i < mean.size(); ++i) {
        CAPTURE(i);
        const auto at = static_cast<std::size_t>(i);
        std::map<Index, double> expected = weights_of(first[i]);
        for (const auto& [candidate, weight] : weights_of(second[i])) {
            of_one_alone += !expected.contains(candidate);
            expected[candidate] += weight;
        }
        const std::map<Index, double> got = weights_of(mean[i]);
        REQUIRE(got.size() == expected.size());
        REQUIRE(std::ssize(mean[i]) == std::ssize(got));  // each candidate once
        for (const auto& [candidate, weight] : got) CHECK(weight == Approx(expected.at(candidate) / 2));

        const std::vector<FactPath>& paths = of_both.paths[at];
        REQUIRE(paths.size() == 3);
        const Index best = best_of(mean[i]);
        CHECK(double{paths[0].weight} == Approx(got.at(best)));
        CHECK(paths[0].steps.back().entity == dataset.candidates[static_cast<std::size_t>(best)]);
        CHECK(paths[0].weight >= paths[1].weight);
        CHECK(paths[1].weight >= paths[2].weight);
        const std::map<Index, double> by_one = weights_of(first[i]), by_other = weights_of(second[i]);
        const bool shows_one =
            by_one.contains(best) && (!by_other.contains(best) || by_one.at(best) > by_other.at(best));
        CHECK(of_both.words[at] == (shows_one ? of_one : of_other).words[at]);
    }
    CHECK(of_one_alone > 0);

    const auto twins = both_of(dataset, *one, *one);  // members that agree are as certain as each
    AttentionTrace of_twins;
    few_scores(*twins, dataset, of_twins);
    for (std::size_t i = 0; i < of_one.certainty.size(); ++i)
        CHECK(of_twins.certainty[i] == Approx(of_one.certainty[i]));
}

TEST_CASE("the loss of two members of a path reader has the right gradient, and is the mean of both", "[path-reader]") {
    const QaDataset dataset = toy_kb();
    const auto one = decided(dataset, 1), other = decided(dataset, 2);
    PathReaderConfig plain = tiny(2);
    plain.word_dropout = plain.dropout = plain.min_relation_weight = 0;
    const auto loss_of = [&](const PathReader& of) {
        plain.members = of.config().members;
        const auto model = reader_of(dataset, plain, [&](const std::string& name) {
            for (const Parameter& p : of.parameters())
                if (p.name == name) return p.value;
            throw Error({.what = "no parameter " + name});
        });
        Tape tape;
        Rng rng(3);
        return double{model->loss(tape, AskedFacts(dataset, *model, "train", 3).batch, rng).value()(0, 0)};
    };
    CHECK(loss_of(*both_of(dataset, *one, *other)) == Approx((loss_of(*one) + loss_of(*other)) / 2));

    plain.members = 2;
    const auto model = reader_of(dataset, plain);
    check_gradient_of_loss(*model, AskedFacts(dataset, *model, "train", 3).batch);
}

TEST_CASE("the first member of a path reader begins as a reader that is alone, the others as no other",
          "[path-reader]") {
    const QaDataset dataset = toy_kb();
    const auto alone = reader_of(dataset, tiny(1)), three = reader_of(dataset, tiny(3));
    CHECK(three->parameters().size() == 3 * alone->parameters().size());
    for (const Parameter& p : alone->parameters())
        CHECK(std::ranges::equal(p.value.view().span(), three->parameters().find(p.name)->value.view().span()));
    for (const char* name : {"spelled", "relations", "key.weight"}) {
        const auto numbers = [&](const std::string& of) {
            const auto span = three->parameters().find(of + name)->value.view().span();
            return std::vector<Real>(span.begin(), span.end());
        };
        CHECK(numbers("") != numbers("member-2."));
        CHECK(numbers("member-2.") != numbers("member-3."));
    }
}

TEST_CASE("members of a path reader come back from a model file", "[path-reader]") {
    const TemporaryDirectory directory;
    const QaDataset dataset = toy_kb();
    const auto one = decided(dataset, 1), other = decided(dataset, 2);
    const auto both = both_of(dataset, *one, *other);
    save_model(*both, directory / "model.h5");
    const std::unique_ptr<Model> loaded = load_model(directory / "model.h5");
    CHECK(loaded->settings().get<PathReaderConfig>()->members == 2);
    const AskedFacts asked(dataset, *both, "test", 20);
    const Batch& batch = asked.batch;
    const Matrix scores = scores_of(*both, batch), again = scores_of(*loaded, batch);
    CHECK(std::ranges::equal(scores.view().span(), again.view().span()));
    CHECK_THROWS_AS(reader_of(dataset, tiny(0)), UsageError);
    CHECK_THROWS_AS(reader_of(dataset, tiny(101)), UsageError);
}
