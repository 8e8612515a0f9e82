#include "kvmem/tasks/qa/inspect.hpp"

#include "support/small_dataset.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;

static DatasetReport small_report() {
    QaDataset dataset = test::small_dataset();
    dataset.count_tokens();
    return inspect_dataset(dataset);
}

TEST_CASE("inspecting counts the vocabulary by kind and describes the memory", "[inspect]") {
    const DatasetReport report = small_report();
    CHECK(report.tokens_by_kind == std::array<Index, 6>{1, 7, 6, 1, 0, 0});
    CHECK(report.candidates == 3);
    CHECK(report.memory.slots == 2);
    CHECK(report.memory.distinct_keys == 2);
    CHECK(report.memory.key.mean == 2);
    CHECK(report.memory.value.max == 1);
}

TEST_CASE("inspecting tells the lengths of questions and the answers they have", "[inspect]") {
    const SplitReport test = small_report().splits.at("test");
    CHECK(test.examples == 3);
    CHECK(test.question.min == 1);
    CHECK(test.question.max == 3);
    CHECK(test.question.mean == 2);
    CHECK(test.answers.min == 0);
    CHECK(test.answers.max == 2);
    CHECK(test.answers.mean == 1);
    CHECK(test.without_answer == 1);
}

TEST_CASE("inspecting finds what a model cannot have learned", "[inspect]") {
    const SplitReport test = small_report().splits.at("test");
    CHECK(test.question_tokens == 6);
    CHECK(test.unknown_tokens == 2);  // "filmed" and the unknown token
    CHECK(test.without_entity == 1);
    CHECK(test.unreachable == 1);         // Cannes
    CHECK(test.outside_candidates == 1);  // Cannes
}

TEST_CASE("without a training split no word is called unknown", "[inspect]") {
    QaDataset dataset = test::small_dataset();
    dataset.splits.erase("train");
    dataset.count_tokens();
    CHECK(inspect_dataset(dataset).splits.at("test").unknown_tokens == 1);  // the unknown token
}

TEST_CASE("an example of the training split is a leak in any other, whatever its answers' order", "[inspect]") {
    const DatasetReport report = small_report();
    CHECK(report.splits.at("train").leaked == 0);
    CHECK(report.splits.at("test").leaked == 1);
}

TEST_CASE("the same question about another memory is no leak", "[inspect]") {
    QaDataset dataset = test::small_dataset();
    dataset.splits["train"] = dataset.splits["story"];
    CHECK(inspect_dataset(dataset).splits.at("story").leaked == 2);
    dataset.splits["train"].local_slots.value.values[0] = 1;
    CHECK(inspect_dataset(dataset).splits.at("story").leaked == 1);
}

TEST_CASE("an example reaches its own slots and no other's", "[inspect]") {
    const SplitReport story = small_report().splits.at("story");
    CHECK(story.local_slots == 2);
    CHECK(story.unreachable == 1);
}

TEST_CASE("keys that are the same count once", "[inspect]") {
    QaDataset dataset = test::small_dataset();
    const std::vector<Token> key(dataset.memory.key[0].begin(), dataset.memory.key[0].end());
    dataset.memory.key.push_row(key);
    dataset.memory.value.push_row(key);
    CHECK(inspect_dataset(dataset).memory.distinct_keys == 2);
}

TEST_CASE("inspecting an empty data set finds nothing", "[inspect]") {
    const DatasetReport report = inspect_dataset(QaDataset());
    CHECK(report.memory.slots == 0);
    CHECK(report.memory.key.mean == 0);
    CHECK(report.splits.empty());
}
