// Questions with the slots that each of them reads, as a model takes them.
#pragma once

#include "kvmem/autograd/tape.hpp"
#include "kvmem/kernels/attend.hpp"
#include "kvmem/tasks/qa/retriever.hpp"

#include <string>
#include <utility>
#include <vector>

namespace kvmem {

// Slots as a model's vectors, a row for each.
struct SlotVectors {
    Matrix key, value;  // [S, d]
};

struct Batch {
    Ragged<Token> question;
    Ragged<Token> answer;                // the right ones of each example
    Slots slots;                         // of all examples, one after the other
    std::vector<Index> slot_offsets{0};  // example i reads slots [slot_offsets[i], slot_offsets[i + 1])
    // Where each slot came from: its number in the shared memory, or -1 for an example's own.
    std::vector<Index> origin;
    // Story u is what examples [story_offsets[u], story_offsets[u + 1]) ask about: the slots of each of them are
    // the first slots of the next one's. An example that was added alone is a story of its own.
    std::vector<Index> story_offsets{0};

    // The whole memory, for models that read it exactly; null for others.
    const Facts* facts = nullptr;
    // Words of questions that are no token, for models that read spelling: their place in question.values, and the
    // word.
    std::vector<std::pair<Index, std::string>> unseen;
    // What Model::encode_slots() made of all slots, if it was kept (CompiledMemory); empty: it is made when they are
    // read.
    SlotVectors encoded;

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

// Adds the examples [first, last) as one story (story_offsets()).
void add_story(Batch& batch, const QaDataset& dataset, const Split& split, Index first, Index last,
               const Retriever& retriever);

// Where the stories of a split begin, and its size: a story goes on as long as each example's own slots begin with
// all of the last one's. An example without own slots is a story of its own.
std::vector<Index> story_offsets(const Split& split);
// The same when every example counts as a story of its own.
std::vector<Index> single_offsets(const Split& split);

// Every example is a query of its own on its own slots. The batch must outlive the tape's use of it.
Segments one_query_each(const Batch& batch, Tape& tape);

}  // namespace kvmem
