#include "kvmem/tasks/qa/compiled_memory.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/answerer.hpp"

#include <algorithm>

namespace kvmem {

static std::string text_of(const Vocabulary& vocabulary, const Slots& slots, Index slot) {
    return text_of(vocabulary, slots.key[slot]) + " -> " + text_of(vocabulary, slots.value[slot]);
}

static Slots pick(const Slots& from, std::span<const Index> slots) {
    Slots picked;
    for (const Index slot : slots) picked.push(from.key[slot], from.value[slot]);
    return picked;
}

static Error wrong_store(const std::string& expected, const std::string& got) {
    return Error({.what = "this store was not made from this model and memory",
                  .expected = expected,
                  .got = got,
                  .hint = "make it again with 'kvmem index --run RUN'"});
}

CompiledSlots compile_memory(const Model& model, const Slots& memory) {
    CompiledSlots compiled{model.encode_slots(memory), {}};
    compiled.texts.reserve(memory.size());
    for (Index slot = 0; slot < memory.size(); ++slot)
        compiled.texts.push_back(text_of(model.vocabulary(), memory, slot));
    return compiled;
}

static bool same(const Matrix& a, const Matrix& b) {
    return a.rows() == b.rows() && a.cols() == b.cols() && std::equal(a.data(), a.data() + a.size(), b.data());
}

CompiledMemory::CompiledMemory(store::MemoryStore store, const Model& model, const Slots& memory)
    : store_(std::move(store)), model_(&model), memory_(&memory) {
    // A few slots suffice: a model that was trained further, or otherwise, differs in nearly every slot.
    const Index sampled = std::min<Index>(16, memory.size());
    std::vector<Index> some;
    for (Index i = 0; i < sampled; ++i) some.push_back(i * memory.size() / sampled);
    const SlotVectors made = model.encode_slots(pick(memory, some));
    if (store_.size() != memory.size())
        throw wrong_store(std::to_string(memory.size()) + " slots", std::to_string(store_.size()));
    const store::StoredSlots found = find(some);
    if (!same(made.key, found.keys) || !same(made.value, found.values))
        throw wrong_store("the vectors that the model makes", "others");
}

store::StoredSlots CompiledMemory::find(std::span<const Index> slots) const {
    store::StoredSlots found = store_.get(std::vector<store::Id>(slots.begin(), slots.end()));
    for (std::size_t i = 0; i < slots.size(); ++i) {
        const std::string text = text_of(model_->vocabulary(), *memory_, slots[i]);
        if (!found.found[i]) throw wrong_store("a slot " + std::to_string(slots[i]), "none");
        if (found.texts[i] != text) throw wrong_store(text, found.texts[i].substr(0, 80));
    }
    return found;
}

SlotVectors CompiledMemory::read(const Batch& batch) const {
    std::vector<Index> local, shared, shared_at;
    for (Index s = 0; s < batch.slots.size(); ++s) {
        const Index origin = batch.origin[s];
        (origin < 0 ? local : shared_at).push_back(s);
        if (origin >= 0) shared.push_back(origin);
    }
    const SlotVectors made = model_->encode_slots(pick(batch.slots, local));
    const store::StoredSlots found = find(shared);
    SlotVectors all{Matrix(batch.slots.size(), made.key.cols()), Matrix(batch.slots.size(), made.value.cols())};
    const auto put = [](Matrix& to, std::span<const Index> rows, const Matrix& from) {
        for (std::size_t i = 0; i < rows.size(); ++i)
            std::copy_n(from.row(static_cast<Index>(i)), from.cols(), to.row(rows[i]));
    };
    put(all.key, local, made.key);
    put(all.value, local, made.value);
    put(all.key, shared_at, found.keys);
    put(all.value, shared_at, found.values);
    return all;
}

}  // namespace kvmem
