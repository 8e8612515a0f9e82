#include "kvmem/tasks/qa/tasks.hpp"

#include "kvmem/core/error.hpp"
#include "support/toy_stories.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

TEST_CASE("tasks are found by name and by number", "[tasks]") {
    QaDataset dataset = toy_stories(4);
    dataset.tasks = {"qa1_where", "qa10", "qa11_whether", "other"};
    const auto found = [&](const std::vector<std::string>& texts) { return find_tasks(dataset, texts); };
    CHECK(found({"1"}) == std::vector<Index>{0});
    CHECK(found({"11", "other", "qa10", "10"}) == std::vector<Index>{1, 2, 3});
    CHECK(found({}).empty());
    for (const char* text : {"2", "", "qa1", "0"}) {
        CAPTURE(text);
        CHECK_THROWS_WITH(found({text}), Catch::Contains("qa11_whether"));
    }
}

TEST_CASE("the examples of some tasks are a data set of their own", "[tasks]") {
    QaDataset dataset = toy_stories(10);
    const QaDataset all = dataset;
    keep_tasks(dataset, std::vector<std::string>{"1"});
    CHECK_NOTHROW(dataset.validate("test"));
    const Split &part = dataset.split("train"), &whole = all.split("train");
    CHECK(part.size() == 15);
    CHECK(whole.size() == 30);
    CHECK(std::ranges::equal(part.question[3], whole.question[6]));
    CHECK(part.local_offsets[4] - part.local_offsets[3] == whole.local_offsets[7] - whole.local_offsets[6]);
    for (const Index task : part.task) CHECK(task == 0);
    // Nobody answers yes or no in this task, and nobody is asked "in".
    CHECK(dataset.candidates.size() + 2 == all.candidates.size());
    CHECK(dataset.vocabulary.count(*dataset.vocabulary.find(TokenKind::word, "in")) == 0);
    CHECK(dataset.vocabulary.count(*dataset.vocabulary.find(TokenKind::word, "where")) > 0);

    QaDataset same = all;
    keep_tasks(same, {});
    CHECK(same.split("train") == whole);
    CHECK_THROWS_AS(keep_tasks(same, std::vector<std::string>{"3"}), UsageError);
    CHECK(same.split("train") == whole);
}
