// What a MemoryStore holds: the state that readers begin with, and how a writer makes the next one.
#pragma once

#include "store/files/journal.hpp"
#include "store/state.hpp"

#include <mutex>

namespace kvmem::store {

struct MemoryStore::Impl {
    std::shared_ptr<const State> state() const {
        const std::lock_guard lock(state_mutex_);
        return state_;
    }
    void publish(State next) { publish(std::make_shared<const State>(std::move(next))); }
    void publish(std::shared_ptr<const State> shared) noexcept {
        const std::lock_guard lock(state_mutex_);
        state_.swap(shared);
    }

    // How many slots there were before of these ids.
    Index change(Change change, ConstView keys, const Values& values, std::span<const Id> ids);
    void rewrite(const IndexOptions* options);
    // What a file holds, and what was done since, as far as its log tells.
    std::optional<std::size_t> take(const StoredPart& stored);
    void require_writable() const {
        if (is_mapped)
            throw Error({.what = "a mapped store cannot be changed",
                         .expected = {},
                         .got = {},
                         .where = path.string(),
                         .hint = "open it with Access::load"});
    }

    std::mutex writer;  // whoever changes the store
    bool is_mapped = false;
    std::filesystem::path path;  // of a store with a file
    std::unique_ptr<Journal> journal;

  private:
    // Where `more` slots, or the first of them, are to go.
    void begin_part(State& state, Index more);
    void append(State& state, ConstView keys, const Values& values, std::span<const Id> ids);

    mutable std::mutex state_mutex_;
    std::shared_ptr<const State> state_ = std::make_shared<const State>();
    std::shared_ptr<Part> growing_;  // the last slice's, if it may be added to
};

}  // namespace kvmem::store
