#include "kvmem/tasks/qa/batch.hpp"

#include "support/small_dataset.hpp"

#include "support/toy_stories.hpp"

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
    CHECK(row(batch.slots.key[0]) == row(story.local_slots.key[0]));
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

TEST_CASE("a story goes on as long as slots begin with those of the question before", "[batch]") {
    const QaDataset dataset = toy_stories(10);
    const Split& split = dataset.split("train");
    const std::vector<Index> stories = story_offsets(split);
    REQUIRE(stories.size() == 11);
    for (std::size_t i = 0; i < stories.size(); ++i) CHECK(stories[i] == static_cast<Index>(3 * i));
    CHECK(single_offsets(split).size() == 31);

    Split hand;  // the same slot twice, another, none, none, the other with one more
    const std::vector<Token> a{1}, b{2};
    hand.local_offsets = {0};
    const auto add = [&](const std::vector<std::vector<Token>>& slots) {
        hand.question.push_row(a);
        hand.answer.push_row(b);
        for (const auto& slot : slots) {
            hand.local_slots.key.push_row(slot);
            hand.local_slots.value.push_row(slot);
        }
        hand.local_offsets.push_back(hand.local_slots.size());
    };
    add({a});
    add({a});
    add({b});
    add({});
    add({});
    add({b, a});
    CHECK(story_offsets(hand) == std::vector<Index>{0, 2, 3, 4, 5, 6});
    CHECK(story_offsets(Split{}) == std::vector<Index>{0});
    Split shared;  // everybody reads the shared memory: nobody shares a story
    shared.question.push_row(a);
    shared.question.push_row(a);
    CHECK(story_offsets(shared) == std::vector<Index>{0, 1, 2});
}

TEST_CASE("a batch knows which examples are of one story", "[batch]") {
    const QaDataset dataset = toy_stories(4);
    const Retriever retriever(dataset.memory, dataset.vocabulary);
    Batch batch;
    add_story(batch, dataset, dataset.split("train"), 0, 3, retriever);
    add_example(batch, dataset, dataset.split("train"), 3, retriever);
    add_story(batch, dataset, dataset.split("train"), 6, 9, retriever);
    add_story(batch, dataset, dataset.split("train"), 9, 9, retriever);
    CHECK(batch.size() == 7);
    CHECK(batch.story_offsets == std::vector<Index>{0, 3, 4, 7});
    CHECK(batch.slot_offsets == std::vector<Index>{0, 2, 6, 12, 14, 16, 20, 26});
    batch.clear();
    CHECK(batch.story_offsets == std::vector<Index>{0});
}
