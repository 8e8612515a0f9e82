#include "kvmem/models/batch.hpp"

#include "data/small_dataset.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

static std::vector<Token> row(std::span<const Token> tokens) { return {tokens.begin(), tokens.end()}; }

TEST_CASE("an example comes with the slots that are retrieved for it", "[batch]") {
    const QaDataset dataset = small_dataset();
    const Retriever retriever(dataset.memory, dataset.vocabulary);
    const Split& train = dataset.split("train");
    Batch batch;
    add_example(batch, dataset, train, 1, retriever);
    add_example(batch, dataset, train, 0, retriever);
    REQUIRE(batch.size() == 2);
    CHECK(batch.slot_offsets == std::vector<Index>{0, 1, 2});
    CHECK(batch.origin == std::vector<Index>{1, 0});
    CHECK(row(batch.question[0]) == row(train.question[1]));
    CHECK(row(batch.answer[0]) == row(train.answer[1]));
    CHECK(row(batch.slots.key[0]) == row(dataset.memory.key[1]));
    CHECK(row(batch.slots.value[1]) == row(dataset.memory.value[0]));
    CHECK(batch.slots_of(1) == std::pair<Index, Index>{1, 2});
}

TEST_CASE("an example's own slots come before the retrieved ones", "[batch]") {
    QaDataset dataset = small_dataset();
    Split& story = dataset.splits["story"];
    story.question.values[0] = *dataset.vocabulary.find(TokenKind::entity, "Alien");
    const Retriever retriever(dataset.memory, dataset.vocabulary);
    Batch batch;
    add_example(batch, dataset, story, 0, retriever);
    add_example(batch, dataset, story, 1, retriever);
    CHECK(batch.origin == std::vector<Index>{-1, -1, 1});
    CHECK(batch.slot_offsets == std::vector<Index>{0, 3, 3});
    CHECK(row(batch.slots.key[0]) == row(story.own.key[0]));
    CHECK(batch.slots.value[1].empty());
}

TEST_CASE("a cleared batch is as a new one", "[batch]") {
    const QaDataset dataset = small_dataset();
    const Retriever retriever(dataset.memory, dataset.vocabulary);
    Batch batch;
    add_example(batch, dataset, dataset.split("train"), 0, retriever);
    batch.clear();
    CHECK(batch.size() == 0);
    add_example(batch, dataset, dataset.split("train"), 1, retriever);
    CHECK(batch.slot_offsets == std::vector<Index>{0, 1});
    CHECK(batch.origin == std::vector<Index>{1});
}
