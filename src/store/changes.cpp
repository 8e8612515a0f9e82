// How a store becomes the next state of itself.
#include "kvmem/core/error.hpp"
#include "store/memory_store_impl.hpp"
#include "store/search/lists.hpp"
#include "store/search/query.hpp"

#include <algorithm>

namespace kvmem::store {

using detail::scan_tile;

static constexpr Index least_part = 1024, most_slots_at_once = Index{1} << 30;

static void require_each_once(std::span<const Id> ids) {
    std::vector<Id> sorted(ids.begin(), ids.end());
    std::sort(sorted.begin(), sorted.end());
    if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
        throw Error({.what = "an id comes twice",
                     .expected = "each id once",
                     .got = std::to_string(*twice),
                     .where = "memory store",
                     .hint = {}});
}

static void check_slots(const StoreOptions& options, ConstView keys, const Values& values, std::span<const Id> ids) {
    const auto n = static_cast<Index>(ids.size());
    require_shape(n <= most_slots_at_once, "memory store", "at most 2^30 slots at once");
    require_shape(keys.rows == n && (n == 0 || keys.cols == options.key_width), "memory store",
                  "a key for each id, as wide as the store's");
    const bool no_values = options.value_width == 0 && values.vectors.empty();
    require_shape(no_values || n == 0 || (values.vectors.rows == n && values.vectors.cols == options.value_width),
                  "memory store", "a value for each id, as wide as the store's");
    require_shape(values.texts.empty() || values.texts.size() == ids.size(), "memory store",
                  "a text for each id, or none");
    require_numbers(keys, "keys");
    require_numbers(values.vectors, "values");
}

static void mark_dead(State& state, std::span<const Place> places) {
    std::vector<std::shared_ptr<DeadSlots>> marked(state.slices.size());
    for (const Place place : places) {
        Slice& slice = state.slices[static_cast<std::size_t>(place.slice)];
        std::shared_ptr<DeadSlots>& dead = marked[static_cast<std::size_t>(place.slice)];
        if (!dead) {
            dead = slice.dead ? std::make_shared<DeadSlots>(*slice.dead) : std::make_shared<DeadSlots>();
            slice.dead = dead;
        }
        dead->mark(place.slot);
    }
    state.size -= static_cast<Index>(places.size());
}

// Of a part that is in memory and in no list: less than half of it lives.
static bool is_mostly_dead(const Slice& slice) {
    return !slice.part->is_mapped && !slice.part->lists && 2 * slice.live_count() < slice.part->capacity;
}

// Parts double, so that they are few, with an id to be looked for in each; and what is dead in them is given back
// before it is as much as what lives.
void MemoryStore::Impl::begin_part(State& state, Index more) {
    const State before = state;
    const std::vector<Place> moved = live_places(before, is_mostly_dead);
    std::erase_if(state.slices, is_mostly_dead);
    Index grown = 0;  // what a file was opened with, or an index made, is not to be doubled for a few slots more
    for (std::size_t s = 1; s < state.slices.size(); ++s) grown += state.slices[s].live_count();
    const auto count = static_cast<Index>(moved.size());
    const Index capacity = count + std::max({more, std::min(grown, most_slots_at_once), least_part});
    growing_ =
        std::make_shared<Part>(state.options, (capacity + scan_tile - 1) / scan_tile * scan_tile, state.has_texts);
    copy_slots(before, moved, *growing_);
    state.slices.push_back({growing_, count, nullptr});
}

void MemoryStore::Impl::append(State& state, ConstView keys, const Values& values, std::span<const Id> ids) {
    const auto n = static_cast<Index>(ids.size());
    state.has_texts |= !values.texts.empty();
    for (Index done = 0; done < n;) {
        const bool fits =
            growing_ && growing_->capacity > state.slices.back().count && (values.texts.empty() || growing_->texts);
        if (!fits) begin_part(state, n - done);
        Slice& slice = state.slices.back();
        const Index count = std::min(n - done, growing_->capacity - slice.count);
        const auto some = [&](auto all) {
            return all.empty() ? all : all.subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(count));
        };
        const ConstView vectors =
            state.options.value_width > 0 ? values.vectors.middle_rows(done, count) : ConstView{nullptr, count, 0};
        growing_->append(slice.count, keys.middle_rows(done, count), {vectors, some(values.texts)}, some(ids));
        slice.count += count;
        done += count;
    }
    state.size += n;
}

static Error already_there(Id id) {
    return Error({.what = "an id is in the store already",
                  .expected = "new ids",
                  .got = std::to_string(id),
                  .where = "memory store",
                  .hint = "upsert replaces what is there"});
}

Index MemoryStore::Impl::change(Change change, ConstView keys, const Values& values, std::span<const Id> ids) {
    const std::lock_guard lock(writer);
    require_writable();
    State next = *state();
    if (change != Change::remove) check_slots(next.options, keys, values, ids);
    require_each_once(ids);
    const std::vector<Place> places = next.find(ids);
    if (change == Change::add && !places.empty())
        throw already_there(next.part(places.front()).ids[places.front().slot]);
    if (change == Change::remove ? places.empty() : ids.empty()) return 0;
    ++next.version;
    try {
        mark_dead(next, places);
        if (change != Change::remove) append(next, keys, values, ids);
        // Once the change is in the log nothing may fail any more.
        auto shared = std::make_shared<const State>(std::move(next));
        if (journal) journal->append({change, shared->version, keys, values, ids});
        publish(std::move(shared));
    } catch (...) {
        growing_ = nullptr;  // what was added to it is not wanted, and may not be whole
        throw;
    }
    return static_cast<Index>(places.size());
}

std::optional<std::size_t> MemoryStore::Impl::take(const StoredPart& stored) {
    State state{stored.head.options, {}, stored.head.slots, stored.head.version, stored.head.has_texts};
    if (stored.head.slots > 0) state.slices.push_back({stored.part, stored.head.slots, nullptr});
    publish(std::move(state));
    growing_ = nullptr;
    return replay_beside(path, stored.head, [this](const Record& r) {
        change(r.change, r.keys, r.values, r.ids);
        return this->state()->version == r.version;
    });
}

void MemoryStore::Impl::rewrite(const IndexOptions* options) {
    const std::lock_guard lock(writer);
    require_writable();
    const auto now = state();
    std::shared_ptr<const Part> centroids;
    if (options)
        centroids = train_centroids(*now, *options);
    else if (!now->slices.empty() && now->slices[0].part->lists)
        centroids = now->slices[0].part->lists->centroids;
    const std::shared_ptr<const Part> part = gather(*now, centroids);
    State next = *now;
    next.slices.assign(1, {part, part->capacity, nullptr});
    if (part->capacity == 0) next.slices.clear();
    auto shared = std::make_shared<const State>(std::move(next));
    if (journal) journal->replace(*part, *shared);
    publish(std::move(shared));
    growing_ = nullptr;
}

}  // namespace kvmem::store
