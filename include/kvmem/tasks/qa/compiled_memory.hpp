// A memory as the vectors that a trained model reads, kept in a store.
//
// Slot i of the memory has the id i, the vectors of its key and its value, and "key -> value" as text. Which slots a
// question reads is still found by key hashing, so that answers are the same to the bit as without the store.
#pragma once

#include "kvmem/store/memory_store.hpp"
#include "kvmem/tasks/qa/model.hpp"

#include <string>
#include <vector>

namespace kvmem {

struct CompiledSlots {
    SlotVectors vectors;
    std::vector<std::string> texts;
};

// Slots in the model's tokens, as a store takes them. Throws Error when the model has no vectors of slots.
CompiledSlots compile_memory(const Model& model, const Slots& memory);

// Reading is safe from several threads.
class CompiledMemory {
  public:
    // Model and memory must outlive it. Throws Error when the store holds fewer or more slots than the memory, vectors
    // of other widths, or, of some slots that are looked at, others than the model makes.
    CompiledMemory(store::MemoryStore store, const Model& model, const Slots& memory);

    // The vectors of a batch's slots: from the store, or of an example's own slots from the model. Throws Error when
    // the store lacks a slot, or has another one in its place.
    SlotVectors read(const Batch& batch) const;

  private:
    store::StoredSlots find(std::span<const Index> slots) const;

    store::MemoryStore store_;
    const Model* model_;
    const Slots* memory_;
};

}  // namespace kvmem
