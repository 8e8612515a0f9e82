#include "kvmem/tasks/qa/batch.hpp"

#include <algorithm>
#include <numeric>

namespace kvmem {

void Batch::clear() {
    question.clear();
    answer.clear();
    slots.key.clear();
    slots.value.clear();
    slot_offsets.assign(1, 0);
    origin.clear();
    story_offsets.assign(1, 0);
    facts = nullptr;
    fact_source = nullptr;
    unseen.clear();
    encoded = {};
}

static void add_slot(Batch& batch, const Slots& from, Index slot, Index origin) {
    batch.slots.push(from.key[slot], from.value[slot]);
    batch.origin.push_back(origin);
}

// Ends an example, whose slots were added.
static void end_example(Batch& batch, std::span<const Token> question, std::span<const Token> answer) {
    batch.question.push_row(question);
    batch.answer.push_row(answer);
    batch.slot_offsets.push_back(batch.slots.size());
    batch.story_offsets.push_back(batch.size());
}

void add_example(Batch& batch, std::span<const Token> question, std::span<const Token> answer, const Slots& memory,
                 const Retriever& retriever) {
    batch.facts = retriever.facts();
    for (const Index slot : retriever.retrieve(question)) add_slot(batch, memory, slot, slot);
    end_example(batch, question, answer);
}

void add_example(Batch& batch, std::span<const Token> question, const Slots& slots, std::span<const Index> numbers) {
    for (Index i = 0; i < slots.size(); ++i) add_slot(batch, slots, i, numbers[i]);
    end_example(batch, question, {});
}

void add_example(Batch& batch, const QaDataset& dataset, const Split& split, Index example,
                 const Retriever& retriever) {
    const auto [first, last] = split.local_slots_of(example);
    for (Index slot = first; slot < last; ++slot) add_slot(batch, split.local_slots, slot, -1);
    add_example(batch, split.question[example], split.answer[example], dataset.memory, retriever);
}

void add_story(Batch& batch, const QaDataset& dataset, const Split& split, Index first, Index last,
               const Retriever& retriever) {
    const std::size_t stories = batch.story_offsets.size();
    for (Index i = first; i < last; ++i) add_example(batch, dataset, split, i, retriever);
    if (last == first) return;
    batch.story_offsets.resize(stories);
    batch.story_offsets.push_back(batch.size());
}

// Whether the local slots of example i + 1 begin with those of example i.
static bool story_continues(const Split& split, Index i) {
    const auto at = split.local_offsets.begin() + i;
    const Index first = at[0], count = at[1] - at[0], next = at[1];
    if (count == 0 || at[2] - at[1] < count) return false;
    for (Index s = 0; s < count; ++s)
        if (!std::ranges::equal(split.local_slots.key[first + s], split.local_slots.key[next + s]) ||
            !std::ranges::equal(split.local_slots.value[first + s], split.local_slots.value[next + s]))
            return false;
    return true;
}

std::vector<Index> story_offsets(const Split& split) {
    if (!split.has_local_memory()) return single_offsets(split);
    std::vector<Index> offsets{0};
    for (Index i = 1; i < split.size(); ++i)
        if (!story_continues(split, i - 1)) offsets.push_back(i);
    if (split.size() > 0) offsets.push_back(split.size());
    return offsets;
}

std::vector<Index> single_offsets(const Split& split) {
    std::vector<Index> offsets(split.size() + 1);
    std::iota(offsets.begin(), offsets.end(), Index{0});
    return offsets;
}

Segments one_query_each(const Batch& batch, Tape& tape) { return one_query_each(batch.slot_offsets, tape); }

Segments one_query_each(std::span<const Index> offsets, Tape& tape) {
    const auto queries = tape.arena().take<Index>(std::ssize(offsets));
    std::iota(queries.begin(), queries.end(), Index{0});
    return {queries, offsets};
}

}  // namespace kvmem
