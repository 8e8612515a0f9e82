#include "kvmem/models/batch.hpp"

namespace kvmem {

void Batch::clear() {
    question.clear();
    answer.clear();
    slots.key.clear();
    slots.value.clear();
    slot_offsets.assign(1, 0);
    origin.clear();
}

static void add_slot(Batch& batch, const Slots& from, Index slot, Index origin) {
    batch.slots.key.push_row(from.key[slot]);
    batch.slots.value.push_row(from.value[slot]);
    batch.origin.push_back(origin);
}

static void end_example(Batch& batch, std::span<const Token> question, std::span<const Token> answer,
                        const Slots& memory, const Retriever& retriever) {
    for (const Index slot : retriever.retrieve(question)) add_slot(batch, memory, slot, slot);
    batch.question.push_row(question);
    batch.answer.push_row(answer);
    batch.slot_offsets.push_back(batch.slots.size());
}

void add_example(Batch& batch, std::span<const Token> question, std::span<const Token> answer, const Slots& memory,
                 const Retriever& retriever) {
    end_example(batch, question, answer, memory, retriever);
}

void add_example(Batch& batch, const QaDataset& dataset, const Split& split, Index example,
                 const Retriever& retriever) {
    if (split.has_own_slots()) {
        const auto i = static_cast<std::size_t>(example);
        for (Index slot = split.own_offsets[i]; slot < split.own_offsets[i + 1]; ++slot)
            add_slot(batch, split.own, slot, -1);
    }
    end_example(batch, split.question[example], split.answer[example], dataset.memory, retriever);
}

}  // namespace kvmem
