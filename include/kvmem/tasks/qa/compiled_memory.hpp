// The vectors that a trained model reads for the slots of a memory, in a store.
//
// Slot i of the memory has the id i, the vectors of its key and value, and "key -> value" as text. Key hashing still
// finds the slots of a question, so answers are bit-reproducible with and without the store.
#pragma once

#include "kvmem/store/memory_store.hpp"
#include "kvmem/tasks/qa/model.hpp"

#include <string>
#include <vector>

namespace kvmem {

// What a store holds for the slots of a memory.
struct CompiledSlots {
    // A row and a text for each slot.
    SlotVectors vectors;
    std::vector<std::string> texts;
};

// The vectors and texts of slots in the model's tokens. Throws Error when the model has no vectors of slots.
CompiledSlots compile_memory(const Model& model, const Slots& memory);

// Several threads may read at once.
class CompiledMemory {
  public:
    // Model and memory must outlive this object. Throws Error when the store holds another number of slots than the
    // memory, or, for a sample of slots, other vectors than the model makes.
    CompiledMemory(store::MemoryStore store, const Model& model, const Slots& memory);

    // The vectors of a batch's slots: from the store, or for local slots from the model. Throws Error when the store
    // lacks a slot, or has another one in its place.
    SlotVectors read(const Batch& batch) const;

  private:
    store::StoredSlots find(std::span<const Index> slots) const;

    store::MemoryStore store_;
    const Model* model_;
    const Slots* memory_;
};

}  // namespace kvmem
