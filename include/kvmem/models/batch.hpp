// Questions with the slots that each of them reads, as a model takes them.
#pragma once

#include "kvmem/models/retriever.hpp"

#include <utility>

namespace kvmem {

struct Batch {
    Ragged<Token> question;
    Ragged<Token> answer;                // the right ones of each example
    Slots slots;                         // of all examples, one after the other
    std::vector<Index> slot_offsets{0};  // example i reads slots [slot_offsets[i], slot_offsets[i + 1])
    // Where each slot came from: its number in the shared memory, or -1 for an example's own.
    std::vector<Index> origin;

    Index size() const { return question.size(); }
    std::pair<Index, Index> slots_of(Index example) const {  // first, and one past the last
        const auto i = static_cast<std::size_t>(example);
        return {slot_offsets[i], slot_offsets[i + 1]};
    }
    void clear();
};

// Adds one example: its own slots, if any, and the retrieved ones of the shared memory.
void add_example(Batch& batch, std::span<const Token> question, std::span<const Token> answer, const Slots& memory,
                 const Retriever& retriever);
void add_example(Batch& batch, const QaDataset& dataset, const Split& split, Index example, const Retriever& retriever);

}  // namespace kvmem
