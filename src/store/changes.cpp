// The writer: how one snapshot of a store becomes the next.
#include "kvmem/core/error.hpp"
#include "store/memory_store_impl.hpp"
#include "store/search/inverted_lists.hpp"
#include "store/search/query.hpp"

#include <algorithm>
#include <numeric>

namespace kvmem::store {

using detail::scan_tile;

static constexpr Index min_segment = 1024, max_slots_at_once = Index{1} << 30;

static Error invalid_id(const char* what, const char* expected, Id id, const char* hint = "") {
    return Error(
        {.what = what, .expected = expected, .got = std::to_string(id), .where = "memory store", .hint = hint});
}

static void check_slots(const StoreOptions& options, ConstView keys, const Values& values, std::span<const Id> ids) {
    const Index n = std::ssize(ids);
    require_shape(n <= max_slots_at_once, "memory store", "at most 2^30 slots at once");
    require_shape(keys.rows == n && (n == 0 || keys.cols == options.key_width), "memory store",
                  "a key for each id, as wide as the store's");
    const bool no_values = options.value_width == 0 && values.vectors.empty();
    require_shape(no_values || n == 0 || (values.vectors.rows == n && values.vectors.cols == options.value_width),
                  "memory store", "a value for each id, as wide as the store's");
    require_shape(values.texts.empty() || values.texts.size() == ids.size(), "memory store",
                  "a text for each id, or none");
    require_valid(keys, "keys");
    require_valid(values.vectors, "values");
}

// Bits of deleted slots are copied once for each segment of a change, because older snapshots read the old ones.
static void mark_deleted(Snapshot& snapshot, std::span<const Location> locations) {
    std::vector<std::shared_ptr<DeletedSlots>> copies(snapshot.segments.size());
    for (const Location location : locations) {
        SegmentView& view = snapshot.segments[location.segment];
        std::shared_ptr<DeletedSlots>& deleted = copies[location.segment];
        if (!deleted) {
            deleted = view.deleted ? std::make_shared<DeletedSlots>(*view.deleted) : std::make_shared<DeletedSlots>();
            view.deleted = deleted;
        }
        deleted->add(location.slot);
    }
    snapshot.size -= std::ssize(locations);
}

// Mapped segments cost no memory, and indexed ones would lose their lists.
static bool is_mostly_deleted(const SegmentView& view) {
    return !view.segment->is_mapped && !view.segment->lists && 2 * view.live_count() < view.segment->capacity;
}

// Segments double in size, so that a look-up of an id goes through few of them and no key is ever copied for growth.
// What is left of mostly deleted segments moves to the new one, so that deleted slots never outnumber live ones.
void MemoryStore::Impl::start_segment(Snapshot& snapshot, Index more) {
    const Snapshot before = snapshot;
    const std::vector<Location> moved = live_locations(before, is_mostly_deleted);
    std::erase_if(snapshot.segments, is_mostly_deleted);
    Index grown = 0;  // not what came first or whole: a few slots more must not double it
    for (Index s = 1; s < std::ssize(snapshot.segments); ++s)
        if (!snapshot.segments[s].is_whole) grown += snapshot.segments[s].live_count();
    const Index count = std::ssize(moved);
    const Index capacity = count + std::max({more, std::min(grown, max_slots_at_once), min_segment});
    growing_ = std::make_shared<Segment>(snapshot.options, (capacity + scan_tile - 1) / scan_tile * scan_tile,
                                         snapshot.has_texts);
    copy_slots(before, moved, *growing_);
    snapshot.segments.push_back({growing_, count, nullptr});
}

// Slots go to the growing segment, behind all that a published snapshot counts, and the rest to a new one.
void MemoryStore::Impl::append(Snapshot& snapshot, ConstView keys, const Values& values, std::span<const Id> ids) {
    const Index n = std::ssize(ids);
    snapshot.has_texts |= !values.texts.empty();
    for (Index done = 0; done < n;) {
        const bool fits = growing_ && growing_->capacity > snapshot.segments.back().count &&
                          (values.texts.empty() || growing_->texts);
        if (!fits) start_segment(snapshot, n - done);
        SegmentView& view = snapshot.segments.back();
        const Index count = std::min(n - done, growing_->capacity - view.count);
        const auto rows = [&](auto all) { return all.empty() ? all : all.subspan(done, count); };
        const ConstView vectors =
            snapshot.options.value_width > 0 ? values.vectors.middle_rows(done, count) : ConstView{nullptr, count, 0};
        growing_->append(view.count, keys.middle_rows(done, count), {vectors, rows(values.texts)}, rows(ids));
        view.count += count;
        done += count;
    }
    snapshot.size += n;
}

void MemoryStore::Impl::require_writable() const {
    if (is_mapped)
        throw Error({.what = "a mapped store cannot be changed",
                     .expected = {},
                     .got = {},
                     .where = path.string(),
                     .hint = "open it with Access::load"});
}

// The order makes a change atomic: first allocate all that it needs, then append it to the log, then publish, which
// cannot fail.
Index MemoryStore::Impl::apply(Change change, ConstView keys, const Values& values, std::span<const Id> ids) {
    Snapshot next = *snapshot();
    if (change != Change::remove) check_slots(next.options, keys, values, ids);
    if (const auto id = find_duplicate(ids)) throw invalid_id("an id comes twice", "each id once", *id);
    const std::vector<Location> locations = next.find(ids);
    if (change == Change::add && !locations.empty())
        throw invalid_id("an id is in the store already", "new ids", next.segment(locations[0]).ids[locations[0].slot],
                         "upsert replaces what is there");
    if (change == Change::remove ? locations.empty() : ids.empty()) return 0;
    ++next.version;
    try {
        mark_deleted(next, locations);
        if (change != Change::remove) {
            append(next, keys, values, ids);
            next.next_id = id_after(next.next_id, ids);
        }
        auto shared = std::make_shared<const Snapshot>(std::move(next));
        if (log) log->append({change, shared->version, keys, values, ids});
        publish(std::move(shared));
    } catch (...) {
        growing_ = nullptr;  // its slots behind the snapshot's count are of no use and may be incomplete
        throw;
    }
    return std::ssize(locations);
}

Index MemoryStore::Impl::change(Change change, ConstView keys, const Values& values, std::span<const Id> ids) {
    const std::lock_guard lock(writer);
    require_writable();
    return apply(change, keys, values, ids);
}

Id MemoryStore::Impl::add_numbered(ConstView keys, const Values& values) {
    const std::lock_guard lock(writer);
    require_writable();
    const Id first = snapshot()->next_id;
    require_shape(0 <= keys.rows && keys.rows <= max_slots_at_once, "memory store", "at most 2^30 slots at once");
    if (static_cast<Id>(keys.rows) > ~Id{0} - first)
        throw invalid_id("no ids are left", "a number below 2^64 - 1 for each slot", first,
                         "add slots with ids of your own");
    std::vector<Id> ids(keys.rows);
    std::iota(ids.begin(), ids.end(), first);
    apply(Change::add, keys, values, ids);
    return first;
}

// Appends a full segment.
static void append_whole(Snapshot& snapshot, const std::shared_ptr<const Segment>& segment) {
    if (segment->capacity > 0) snapshot.segments.push_back({segment, segment->capacity, nullptr, true});
}

// Copies of the slots.
struct MemoryStore::Impl::OwnRecord {
    std::vector<Id> ids;
    std::vector<Real> keys, values;
    std::vector<std::string> texts;

    OwnRecord(const Record& r, const Impl& store) {
        for (Index i = 0; i < std::ssize(r.ids); ++i) {
            if (!store.own->contains(shard_of(r.ids[i], store.shards))) continue;
            ids.push_back(r.ids[i]);
            if (r.change == Change::remove) continue;
            keys.insert(keys.end(), r.keys.row(i), r.keys.row(i) + r.keys.cols);
            values.insert(values.end(), r.values.vectors.row(i), r.values.vectors.row(i) + r.values.vectors.cols);
            if (!r.values.texts.empty()) texts.push_back(r.values.texts[i]);
        }
    }
    [[nodiscard]] Record of(const Record& r) const {
        const Index count = std::ssize(ids);
        const bool is_removal = r.change == Change::remove;
        return {r.change, r.version, is_removal ? ConstView{} : ConstView{keys.data(), count, r.keys.cols},
                Values{is_removal ? ConstView{} : ConstView{values.data(), count, r.values.vectors.cols}, texts}, ids};
    }
};

// A shard that is ahead of the manifest holds changes of the log already. Made once more, in their order, they leave
// each slot as the last one left it. Where only some shards were opened, a record may change nothing.
bool MemoryStore::Impl::replay(const Record& all, std::uint64_t ahead) {
    const bool is_part = own.has_value(), again = ahead > 0;
    const OwnRecord own_part(is_part ? all : Record{}, *this);
    const Record r = is_part ? own_part.of(all) : all;
    if (!r.ids.empty()) change(again && r.change == Change::add ? Change::upsert : r.change, r.keys, r.values, r.ids);
    if (!again && !is_part) return snapshot()->version == r.version;
    Snapshot next = *snapshot();
    next.version = r.version;
    publish(std::move(next));
    return true;
}

std::optional<std::size_t> MemoryStore::Impl::restore(const StoredSegments& stored) {
    const FileHead& head = stored.head;
    Snapshot restored{head.options, {}, 0, head.version, head.has_texts, head.next_id};
    for (const auto& segment : stored.segments) {
        append_whole(restored, segment);
        restored.size += segment->capacity;
        restored.next_id = id_after(restored.next_id, {segment->ids.data(), std::size_t(segment->capacity)});
    }
    publish(std::move(restored));
    growing_ = nullptr;
    shard_names = stored.shards;
    shards = std::ssize(shard_names);
    set = head.shard.set;
    if (shards > 0 && set == 0) set = new_generation();  // from the next checkpoint on
    report.lost_lists = stored.lost_lists;
    report.lacks_log = head.is_logged && !is_there(log_path(path));
    if (shards == 0 && set != 0) report.shard = head.shard;
    const auto size = replay_beside(path, head, [&](const Record& record) { return replay(record, stored.ahead); });
    if (snapshot()->version < stored.ahead)
        throw Error({.what = "the log beside this store lacks changes that a shard has",
                     .expected = "change " + std::to_string(stored.ahead),
                     .got = std::to_string(snapshot()->version),
                     .where = log_path(path).string(),
                     .hint = {}});
    return size;
}

void MemoryStore::Impl::rewrite(const IndexOptions* options) {
    const std::lock_guard lock(writer);
    require_writable();
    const auto now = snapshot();
    std::shared_ptr<const Segment> centroids;
    if (options)
        centroids = train_centroids(*now, *options);
    else if (now->lists())
        centroids = now->lists()->centroids;
    const auto segments = merge_segments(*now, centroids, std::max<Index>(1, shards));
    Snapshot next = *now;
    next.segments.clear();
    for (const auto& segment : segments) append_whole(next, segment);
    auto shared = std::make_shared<const Snapshot>(std::move(next));
    if (log) log->checkpoint(segments, shard_names, set, *shared);
    publish(std::move(shared));
    growing_ = nullptr;
}

}  // namespace kvmem::store
