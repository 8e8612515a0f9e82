// Questions with the slots that each of them reads: the input of a model.
#pragma once

#include "kvmem/autograd/tape.hpp"
#include "kvmem/kernels/attend.hpp"
#include "kvmem/kernels/paths.hpp"
#include "kvmem/tasks/qa/retriever.hpp"

#include <string>
#include <utility>
#include <vector>

namespace kvmem {

// The vectors of slots in a model, a row for each slot.
struct SlotVectors {
    Matrix key, value;  // [S, d]
};

struct Batch {
    // The tokens of each question.
    Ragged<Token> question;
    Ragged<Token> answer;                // the right answers of each example
    Slots slots;                         // those of the first example, then of the second ...
    std::vector<Index> slot_offsets{0};  // example i reads slots [slot_offsets[i], slot_offsets[i + 1])
    // The number of each slot in the shared memory, or -1 for a local slot of an example.
    std::vector<Index> origin;
    // Story u has the examples [story_offsets[u], story_offsets[u + 1]). The slots of each of them begin with all slots
    // of the one before. An example that was added alone is a story of its own.
    std::vector<Index> story_offsets{0};

    // The whole memory for models that follow facts; null for others.
    const Facts* facts = nullptr;
    const FactSource* fact_source = nullptr;  // in its place, of a memory in shards; it does not train
    // The questions' unknown words with their place in question.values, for models that read spelling.
    std::vector<std::pair<Index, std::string>> unseen;
    // The result of Model::encode_slots() for all slots (CompiledMemory). If empty, the model encodes slots itself.
    SlotVectors encoded;

    // The number of examples, and the slots that one reads.
    Index size() const { return question.size(); }
    std::pair<Index, Index> slots_of(Index example) const {  // first, and one past the last
        const auto i = static_cast<std::size_t>(example);
        return {slot_offsets[i], slot_offsets[i + 1]};
    }
    // Removes all examples. The memory stays for the next ones.
    void clear();
};

// Adds one example with its local slots, if any, and the retrieved slots of the shared memory behind them.
void add_example(Batch& batch, std::span<const Token> question, std::span<const Token> answer, const Slots& memory,
                 const Retriever& retriever);
// The same with these slots of a memory, whose numbers are given.
void add_example(Batch& batch, std::span<const Token> question, const Slots& slots, std::span<const Index> numbers);
void add_example(Batch& batch, const QaDataset& dataset, const Split& split, Index example, const Retriever& retriever);

// Adds the examples [first, last) as one story (story_offsets()).
void add_story(Batch& batch, const QaDataset& dataset, const Split& split, Index first, Index last,
               const Retriever& retriever);

// The offsets of a split's stories. A story goes on while the local slots of each example begin with all of the last
// one's. An example without local slots is a story of its own.
std::vector<Index> story_offsets(const Split& split);
// The same where every example is a story of its own.
std::vector<Index> single_offsets(const Split& split);

// Segments in which query i reads the slots of example i. The batch must outlive their use.
Segments one_query_each(const Batch& batch, Tape& tape);
// The same with slots [offsets[i], offsets[i + 1]) for query i.
Segments one_query_each(std::span<const Index> offsets, Tape& tape);

}  // namespace kvmem
