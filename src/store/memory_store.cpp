#include "kvmem/store/memory_store.hpp"

#include "kvmem/core/error.hpp"
#include "store/memory_store_impl.hpp"
#include "store/read/read.hpp"
#include "store/search/inverted_lists.hpp"
#include "store/search/search.hpp"
#include "store/search/search_filter.hpp"

#include <algorithm>
#include <chrono>

namespace kvmem::store {

static constexpr Index max_width = 65536;

static void check_options(const StoreOptions& options) {
    require_option(options.key_width >= 1 && options.key_width <= max_width, "key_width", "1 to 65536");
    require_option(options.value_width >= 0 && options.value_width <= max_width, "value_width", "0 to 65536");
    require_option(options.metric == Similarity::dot || options.metric == Similarity::cosine ||
                       options.metric == Similarity::euclidean,
                   "metric", "dot, cosine or euclidean");
    require_option(options.encoding == KeyEncoding::float32 || options.encoding == KeyEncoding::bfloat16 ||
                       options.encoding == KeyEncoding::int8,
                   "encoding", "float32, bfloat16 or int8");
}

MemoryStore::MemoryStore(const StoreOptions& options) : impl_(std::make_unique<Impl>()) {
    check_options(options);
    impl_->publish({options, {}, 0, 0, false});
}
MemoryStore::MemoryStore(Made, std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MemoryStore::~MemoryStore() = default;
MemoryStore::MemoryStore(MemoryStore&&) noexcept = default;
MemoryStore& MemoryStore::operator=(MemoryStore&&) noexcept = default;

MemoryStore::Impl& MemoryStore::impl() const {
    if (!impl_)
        throw Error({.what = "a store that was moved from is used",
                     .expected = {},
                     .got = {},
                     .where = "memory store",
                     .hint = "use the one that it was moved to"});
    return *impl_;
}

StoreOptions MemoryStore::options() const { return impl().snapshot()->options; }
Index MemoryStore::size() const { return impl().snapshot()->size; }
bool MemoryStore::has_texts() const { return impl().snapshot()->has_texts; }
const OpenReport& MemoryStore::report() const { return impl().report; }
std::uint64_t MemoryStore::version() const { return impl().snapshot()->version; }

Index MemoryStore::lists() const {
    const auto snapshot = impl().snapshot();
    const InvertedLists* lists = snapshot->lists();
    return lists ? lists->count() : 0;
}

Index MemoryStore::unindexed() const {
    const auto snapshot = impl().snapshot();
    Index count = snapshot->size;
    for (Index s = 0; s < snapshot->indexed(); ++s) count -= snapshot->segments[s].live_count();
    return count;
}

std::size_t MemoryStore::memory_bytes() const {
    const auto snapshot = impl().snapshot();
    std::size_t bytes = 0;
    for (const SegmentView& view : snapshot->segments) {
        const InvertedLists* lists = view.segment->lists.get();
        bytes += view.segment->bytes(view.count) + (view.deleted ? view.deleted->bytes() : 0);
        if (lists && &view == snapshot->segments.data()) bytes += lists->centroids->bytes(lists->centroids->capacity);
    }
    return bytes;
}

void MemoryStore::add(ConstView keys, const Values& values, std::span<const Id> ids) {
    impl().change(Change::add, keys, values, ids);
}

Id MemoryStore::add(ConstView keys, const Values& values) { return impl().add_numbered(keys, values); }

static ConstView as_row(std::span<const float> row) { return {row.data(), 1, std::ssize(row)}; }

void MemoryStore::add(Id id, std::span<const float> key, std::span<const float> value) {
    const ConstView vectors = value.empty() ? ConstView{} : as_row(value);
    impl().change(Change::add, as_row(key), {.vectors = vectors}, {&id, 1});
}

void MemoryStore::upsert(ConstView keys, const Values& values, std::span<const Id> ids) {
    impl().change(Change::upsert, keys, values, ids);
}

Index MemoryStore::remove(std::span<const Id> ids) {
    std::vector<Id> distinct(ids.begin(), ids.end());
    std::sort(distinct.begin(), distinct.end());
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    return impl().change(Change::remove, {}, {}, distinct);
}

void MemoryStore::index(const IndexOptions& options) { impl().rewrite(&options); }
void MemoryStore::compact() { impl().rewrite(nullptr); }

// --- Queries ---------------------------------------------------------------------------------------------

bool MemoryStore::contains(Id id) const { return impl().snapshot()->find(id).has_value(); }

StoredSlots MemoryStore::get(std::span<const Id> ids) const {
    const auto snapshot = impl().snapshot();
    const Index n = std::ssize(ids), width = snapshot->options.key_width, value_width = snapshot->options.value_width;
    StoredSlots slots{std::vector<bool>(n), Matrix(n, width), Matrix(n, value_width), std::vector<std::string>(n)};
    for (Index i = 0; i < n; ++i) {
        const std::optional<Location> location = snapshot->find(ids[i]);
        if (!location) continue;
        const Segment& segment = snapshot->segment(*location);
        slots.found[i] = true;
        std::copy_n(segment.key(location->slot), width, slots.keys.row(i));
        std::copy_n(segment.value(location->slot), value_width, slots.values.row(i));
        if (segment.texts) slots.texts[i] = segment.texts[location->slot];
    }
    return slots;
}

std::vector<Id> MemoryStore::ids() const {
    const auto snapshot = impl().snapshot();
    std::vector<Id> ids;
    ids.reserve(snapshot->size);
    for (const SegmentView& view : snapshot->segments)
        for (Index slot = 0; slot < view.count; ++slot)
            if (view.is_live(slot)) ids.push_back(view.segment->ids[slot]);
    std::sort(ids.begin(), ids.end());
    return ids;
}

static std::vector<TopK> search_in(const Snapshot& snapshot, ConstView queries, Index k, float min_score,
                                   const SearchOptions& options) {
    require_option(options.probes >= 0, "probes", "0 or more");
    return search(snapshot, Queries(queries, snapshot.options), k, min_score, options);
}

Hits MemoryStore::search(ConstView queries, Index k, const SearchOptions& options) const {
    const auto snapshot = impl().snapshot();
    const Index places = places_of_each(*snapshot, queries.rows, k, "k");
    return to_hits(search_in(*snapshot, queries, places, no_score, options), places);
}

std::vector<Hit> MemoryStore::search(std::span<const float> query, Index k, const SearchOptions& options) const {
    const Hits hits = search(as_row(query), k, options);
    return {hits[0].begin(), hits[0].end()};
}

Neighbourhood MemoryStore::search_within(ConstView queries, float min_score, const SearchOptions& options) const {
    const auto snapshot = impl().snapshot();
    require_option(min_score == min_score, "min_score", "a number");
    Neighbourhood all{{0}, {}, {}};
    for (const TopK& found : search_in(*snapshot, queries, std::max<Index>(1, snapshot->size), min_score, options)) {
        for (const ScoredSlot& slot : found.sorted()) {
            all.ids.push_back(slot.id);
            all.scores.push_back(slot.score);
        }
        all.offsets.push_back(std::ssize(all.ids));
    }
    return all;
}

ReadResult MemoryStore::read(ConstView queries, const ReadOptions& options) const {
    ReadOptions with_sums = options;
    with_sums.exact_sums = options.exact_sums || impl().shards > 0;
    return kvmem::store::read(*impl().snapshot(), queries, with_sums);
}

RecallReport MemoryStore::measure_recall(ConstView queries, Index k, const SearchOptions& probing) const {
    using Clock = std::chrono::steady_clock;
    const auto timed_search = [&](const SearchOptions& options, double& seconds) {
        const auto start = Clock::now();
        Hits hits = search(queries, k, options);
        seconds = std::chrono::duration<double>(Clock::now() - start).count();
        return hits;
    };
    SearchOptions exact = probing;
    exact.probes = 0;
    RecallReport report;
    const Hits truth = timed_search(exact, report.seconds_exact);
    const Hits hits = timed_search(probing, report.seconds_probing);
    Index found = 0, wanted = 0;
    for (Index q = 0; q < queries.rows; ++q) {
        const std::span<const Id> right = truth.ids_of(q), got = hits.ids_of(q);
        wanted += std::ssize(right);
        found += std::ranges::count_if(got, [&](Id id) { return std::ranges::find(right, id) != right.end(); });
    }
    report.recall = wanted > 0 ? static_cast<double>(found) / static_cast<double>(wanted) : 1;
    return report;
}

// --- Files -----------------------------------------------------------------------------------------------

void MemoryStore::save(const std::filesystem::path& path) const {
    const auto snapshot = impl().snapshot();
    const auto is_whole = [&](const SegmentView& view) {
        return view.count == view.segment->capacity && !view.deleted && (!snapshot->has_texts || view.segment->texts);
    };
    // One full segment is written without a copy.
    if (snapshot->segments.size() == 1 && is_whole(snapshot->segments[0]))
        return save_alone(path, *snapshot->segments[0].segment, *snapshot);
    const InvertedLists* lists = snapshot->lists();
    save_alone(path, *merge_segments(*snapshot, lists ? lists->centroids : nullptr)[0], *snapshot);
}

MemoryStore MemoryStore::create(const std::filesystem::path& path, const StoreOptions& options, Index shards) {
    check_options(options);
    const NewStoreFiles files(path, shards);
    files.require_none();  // before the lock file is made
    auto impl = std::make_unique<Impl>();
    impl->path = files.path;
    impl->shards = shards;
    impl->shard_names = files.shards;
    impl->publish({options, {}, 0, 0, false});
    impl->log = std::make_unique<WriteAheadLog>(files.path);
    files.require_none();  // again, as another process may have made one before the lock was taken
    try {
        if (shards > 0) impl->set = new_generation();
        FileHead head;
        head.options = options;
        head.generation = new_generation();
        head.shard.set = impl->set;
        head.is_logged = true;
        const std::vector<std::shared_ptr<const Segment>> empty(std::max<Index>(1, shards),
                                                                std::make_shared<Segment>(options, 0, false));
        write_segments(files.path, files.shards, empty, head);
        impl->log->begin(head, std::nullopt);
    } catch (...) {
        files.remove();
        throw;
    }
    return {Made::whole, std::move(impl)};
}

// A reader takes no lock. A writer may replace the file and then its log while both are opened; retrying helps.
void MemoryStore::Impl::map() {
    for (int tries = 3;; --tries) try {
            restore(read_segments(path, true, own.value_or(ShardSpan{})));
            break;
        } catch (const Error&) {
            if (tries == 1) throw;
        }
    is_mapped = true;
}

MemoryStore MemoryStore::open(const std::filesystem::path& path, Access access) {
    const std::filesystem::path target = store_path(path);
    auto impl = std::make_unique<Impl>();
    impl->path = target;
    if (access == Access::map) {
        impl->map();
    } else {
        if (!is_there(target)) read_head(target);  // throws its error before a lock file is made
        auto log = std::make_unique<WriteAheadLog>(target);
        const StoredSegments stored = read_segments(target, false);
        log->begin(stored.head, impl->restore(stored));
        impl->log = std::move(log);
    }
    return {Made::whole, std::move(impl)};
}

MemoryStore MemoryStore::open_shards(const std::filesystem::path& path, Index first, Index last) {
    const Index shards = std::ssize(peek(path).shards);
    require_option(shards > 0 && 0 <= first && first <= last && last <= shards, "first, last",
                   "shards of a store in shards, from 0 to their number");
    auto impl = std::make_unique<Impl>();
    impl->path = store_path(path);
    impl->own = ShardSpan{first, last};
    impl->map();
    return {Made::whole, std::move(impl)};
}

StoreInfo MemoryStore::peek(const std::filesystem::path& path) {
    const std::filesystem::path target = store_path(path);
    const Manifest manifest = is_sharded(target) ? read_manifest(target) : Manifest{read_head(target), {}};
    const FileHead& head = manifest.head;
    StoreInfo info{head.options, head.slots, head.has_texts, head.lists, head.generator, {}};
    for (Index i = 0; i < std::ssize(manifest.shards); ++i) info.shards.push_back(manifest.shard_path(target, i));
    return info;
}

void MemoryStore::sync() {
    const std::lock_guard lock(impl().writer);
    if (impl().log) impl().log->sync(impl().snapshot()->version);
}

}  // namespace kvmem::store
