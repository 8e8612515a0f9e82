#include "kvmem/tasks/qa/objective.hpp"

#include "kvmem/tasks/qa/models/memory_transformer.hpp"
#include "kvmem/tasks/qa/models/query_reduction.hpp"
#include "random.hpp"
#include "support/toy_stories.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

static Index questions_of(const QaObjective& task) {
    Index sum = 0;
    for (Index item = 0; item < task.items(); ++item) sum += task.examples(item);
    return sum;
}

TEST_CASE("a balanced task asks as often about what it has less of", "[task]") {
    QaDataset dataset = toy_stories(40);  // 20 stories of each task, with 3 questions each
    dataset.tasks.emplace_back("qa3_rare");
    Split& train = dataset.splits.at("train");
    for (std::size_t question = 0; question < 3; ++question) train.task[question] = 2;
    const bool stories = GENERATE(false, true);
    const Settings config = stories ? Settings(MemoryTransformerConfig{.width = 8, .heads = 2})
                                    : Settings(QueryReductionConfig{.width = 8});
    const auto model = make_model(config, dataset.vocabulary, dataset.candidates);
    const QaObjective plain(*model, dataset), balanced(*model, dataset, {.balanced = true});
    CHECK(plain.items() == (stories ? 40 : 120));
    CHECK(questions_of(plain) == 120);
    CHECK(questions_of(balanced) == 19 * 3 + 20 * 3 + 20 * 3);
    CHECK(balanced.items() == questions_of(balanced) / (stories ? 3 : 1));

    train.task.clear();  // a data set may have none
    CHECK(questions_of(QaObjective(*model, dataset, {.balanced = true})) == 120);
}

TEST_CASE("a data set's hash notices what training is told of tasks and supporting slots", "[task]") {
    QaDataset dataset = toy_stories(6);
    for (auto& [name, split] : dataset.splits)
        for (Index i = 0; i < split.size(); ++i) split.support.push_row(std::vector<Index>{0});
    const std::string hash = content_hash_of(dataset), before = content_hash_of(dataset, "0123456789abcdef");
    QaDataset changed = dataset;
    SECTION("a question of another task") { changed.splits["train"].task[0] = 1; }
    SECTION("in validation") { changed.splits["valid"].task[0] = 1; }
    SECTION("a task of another name") { changed.tasks[1] += "?"; }
    SECTION("another supporting slot") { changed.splits["train"].support.values[0] = 1; }
    CHECK(content_hash_of(changed) != hash);
    CHECK(content_hash_of(changed, hash) != hash);
    CHECK(content_hash_of(changed, before) == before);  // hashes of before did not
    changed.splits["train"].answer.values[0] = changed.candidates[0] == changed.splits["train"].answer.values[0]
                                                   ? changed.candidates[1]
                                                   : changed.candidates[0];
    CHECK(content_hash_of(changed, before) != before);
}

TEST_CASE("a fingerprint notices other word vectors and other words of the same vectors", "[task]") {
    const QaDataset dataset = toy_stories(6);
    const auto fingerprint = [&](const WordVectors& vectors) {
        const auto model =
            make_model(QueryReductionConfig{.width = 8}, {dataset.vocabulary, vectors}, dataset.candidates);
        return QaObjective(*model, dataset).fingerprint({});
    };
    const std::string same = fingerprint({{"a", "b"}, matrix_of({{1}, {2}})});
    CHECK(fingerprint({{"a", "b"}, matrix_of({{1}, {2}})}) == same);
    CHECK(fingerprint({{"b", "a"}, matrix_of({{1}, {2}})}) != same);
    CHECK(fingerprint({{"a", "b"}, matrix_of({{1}, {3}})}) != same);
    CHECK(fingerprint({}) != same);
}

TEST_CASE("an epoch is drawn with more of the tasks that were answered wrong", "[task]") {
    QaDataset dataset = toy_stories(60);  // 30 stories of each task, with 3 questions each
    const auto model =
        make_model(MemoryTransformerConfig{.width = 8, .heads = 2}, dataset.vocabulary, dataset.candidates);
    QaObjective task(*model, dataset, {.focused = true});
    const Validation validation = task.validate();
    const std::vector<Index> errors = task.errors_by_group();
    REQUIRE(errors.size() == 2);
    CHECK(errors[0] + errors[1] ==
          validation.examples - std::lround(validation.score * static_cast<double>(validation.examples)));

    const auto first_of_60 = [&](const std::vector<Index>& wrong) {
        task.begin_epoch(0, wrong, Rng(1));
        CHECK(task.items() == 60);
        return task.items_of(0);
    };
    CHECK(first_of_60({}) == 30);
    CHECK(first_of_60({0, 0}) == 30);
    CHECK(first_of_60({30, 30}) == 30);
    CHECK(first_of_60({30, 0}) == 55);  // 1.1 of 1.2
    CHECK(first_of_60({0, 30}) == 5);
    CHECK_THROWS_WITH(task.begin_epoch(0, std::vector<Index>{1, 2, 3}, Rng(1)), Catch::Contains("another data set"));
}
