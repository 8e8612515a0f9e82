#include "kvmem/store/memory_store.hpp"

#include "kvmem/core/error.hpp"
#include "store/memory_store_impl.hpp"
#include "store/read/read.hpp"
#include "store/search/lists.hpp"
#include "store/search/search.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

namespace kvmem::store {

static constexpr Index most_width = 65536;

static void check_options(const StoreOptions& options) {
    require_option(options.key_width >= 1 && options.key_width <= most_width, "key_width", "1 to 65536");
    require_option(options.value_width >= 0 && options.value_width <= most_width, "value_width", "0 to 65536");
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
MemoryStore::MemoryStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
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

StoreOptions MemoryStore::options() const { return impl().state()->options; }
Index MemoryStore::size() const { return impl().state()->size; }
bool MemoryStore::has_texts() const { return impl().state()->has_texts; }
std::uint64_t MemoryStore::version() const { return impl().state()->version; }

static const Lists* lists_of(const State& state) {
    return state.slices.empty() ? nullptr : state.slices[0].part->lists.get();
}

Index MemoryStore::lists() const {
    const auto state = impl().state();
    const Lists* lists = lists_of(*state);
    return lists ? static_cast<Index>(lists->offsets.size()) - 1 : 0;
}

Index MemoryStore::unindexed() const {
    const auto state = impl().state();
    if (!lists_of(*state)) return state->size;
    return state->size - state->slices[0].live_count();
}

std::size_t MemoryStore::memory_bytes() const {
    const auto state = impl().state();
    std::size_t bytes = 0;
    for (const Slice& slice : state->slices) {
        bytes += slice.part->bytes(slice.count) + (slice.dead ? slice.dead->bytes() : 0);
        if (slice.part->lists) bytes += slice.part->lists->centroids->bytes(slice.part->lists->centroids->capacity);
    }
    return bytes;
}

void MemoryStore::add(ConstView keys, const Values& values, std::span<const Id> ids) {
    impl().change(Change::add, keys, values, ids);
}

void MemoryStore::upsert(ConstView keys, const Values& values, std::span<const Id> ids) {
    impl().change(Change::upsert, keys, values, ids);
}

Index MemoryStore::remove(std::span<const Id> ids) {
    std::vector<Id> once(ids.begin(), ids.end());
    std::sort(once.begin(), once.end());
    once.erase(std::unique(once.begin(), once.end()), once.end());
    return impl().change(Change::remove, {}, {}, once);
}

void MemoryStore::index(const IndexOptions& options) { impl().rewrite(&options); }
void MemoryStore::compact() { impl().rewrite(nullptr); }

bool MemoryStore::contains(Id id) const { return impl().state()->find(id).has_value(); }

StoredSlots MemoryStore::get(std::span<const Id> ids) const {
    const auto state = impl().state();
    const auto n = static_cast<Index>(ids.size());
    const Index width = state->options.key_width, value_width = state->options.value_width;
    StoredSlots slots{std::vector<bool>(ids.size()), Matrix(n, width), Matrix(n, value_width),
                      std::vector<std::string>(ids.size())};
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const std::optional<Place> place = state->find(ids[i]);
        if (!place) continue;
        const Index slot = place->slot;
        const Part& part = state->part(*place);
        const auto row = static_cast<Index>(i);
        slots.found[i] = true;
        std::copy_n(part.keys.data() + slot * width, width, slots.keys.row(row));
        if (value_width > 0) std::copy_n(part.values.data() + slot * value_width, value_width, slots.values.row(row));
        if (part.texts) slots.texts[i] = part.texts[slot];
    }
    return slots;
}

std::vector<Id> MemoryStore::ids() const {
    const auto state = impl().state();
    std::vector<Id> ids;
    ids.reserve(static_cast<std::size_t>(state->size));
    for (const Slice& slice : state->slices)
        for (Index slot = 0; slot < slice.count; ++slot)
            if (slice.is_live(slot)) ids.push_back(slice.part->ids[slot]);
    std::sort(ids.begin(), ids.end());
    return ids;
}

// --- Questions -------------------------------------------------------------------------------------------

static void check_search(const SearchOptions& options) { require_option(options.probes >= 0, "probes", "0 or more"); }

Hits MemoryStore::search(ConstView queries, Index k, const SearchOptions& options) const {
    const auto state = impl().state();
    check_search(options);
    const Index most = places_of_each(*state, queries.rows, k, "k");
    return to_hits(kvmem::store::search(*state, Queries(queries, state->options), most,
                                        -std::numeric_limits<float>::infinity(), options),
                   most);
}

Neighbourhood MemoryStore::search_within(ConstView queries, float least, const SearchOptions& options) const {
    const auto state = impl().state();
    check_search(options);
    require_option(least == least, "least", "a number");
    Neighbourhood all{{0}, {}, {}};
    for (const Best& best : kvmem::store::search(*state, Queries(queries, state->options),
                                                 std::max<Index>(1, state->size), least, options)) {
        for (const Ranked& slot : best.sorted()) {
            all.ids.push_back(slot.id);
            all.scores.push_back(slot.score);
        }
        all.offsets.push_back(static_cast<Index>(all.ids.size()));
    }
    return all;
}

ReadResult MemoryStore::read(ConstView queries, const ReadOptions& options) const {
    return kvmem::store::read(*impl().state(), queries, options);
}

RecallReport MemoryStore::measure_recall(ConstView queries, Index k, const SearchOptions& probing) const {
    using Clock = std::chrono::steady_clock;
    const auto seconds_since = [](Clock::time_point start) {
        return std::chrono::duration<double>(Clock::now() - start).count();
    };
    SearchOptions exact = probing;
    exact.probes = 0;
    RecallReport report;
    auto start = Clock::now();
    const Hits truth = search(queries, k, exact);
    report.seconds_exact = seconds_since(start);
    start = Clock::now();
    const Hits hits = search(queries, k, probing);
    report.seconds_probing = seconds_since(start);
    Index found = 0, wanted = 0;
    for (Index q = 0; q < queries.rows; ++q) {
        const std::span<const Id> right = truth.ids_of(q), got = hits.ids_of(q);
        wanted += static_cast<Index>(right.size());
        found += std::count_if(got.begin(), got.end(),
                               [&](Id id) { return std::find(right.begin(), right.end(), id) != right.end(); });
    }
    report.recall = wanted > 0 ? static_cast<double>(found) / static_cast<double>(wanted) : 1;
    return report;
}

// --- Files -----------------------------------------------------------------------------------------------

void MemoryStore::save(const std::filesystem::path& path) const {
    const auto state = impl().state();
    // A state that is one full part is written as it lies.
    const bool is_whole = state->slices.size() == 1 && state->slices[0].count == state->slices[0].part->capacity &&
                          !state->slices[0].dead && (!state->has_texts || state->slices[0].part->texts);
    std::shared_ptr<const Part> centroids;
    if (const Lists* lists = lists_of(*state)) centroids = lists->centroids;
    save_alone(path, is_whole ? *state->slices[0].part : *gather(*state, centroids), *state);
}

static void require_nothing_at(const std::filesystem::path& path) {
    for (const std::filesystem::path& file : {path, log_path(path)})
        if (is_there(file))
            throw Error({.what = "there is a file of this name already",
                         .expected = {},
                         .got = {},
                         .where = file.string(),
                         .hint = "open it, or choose another name"});
}

MemoryStore MemoryStore::create(const std::filesystem::path& path, const StoreOptions& options) {
    check_options(options);
    require_nothing_at(path);  // before there is a lock beside it
    auto impl = std::make_unique<Impl>();
    impl->path = path;
    impl->publish({options, {}, 0, 0, false});
    impl->journal = std::make_unique<Journal>(path);
    require_nothing_at(path);
    try {
        const FileHead head{options, 0, 0, new_generation(), 0, false, 0, {}};
        write_store(path, Part(options, 0, false), head);
        impl->journal->begin(head, std::nullopt);
    } catch (...) {
        std::error_code ignored;
        for (const std::filesystem::path& made : {path, log_path(path)}) std::filesystem::remove(made, ignored);
        throw;
    }
    return MemoryStore(std::move(impl));
}

MemoryStore MemoryStore::open(const std::filesystem::path& path, Access access) {
    auto impl = std::make_unique<Impl>();
    impl->path = path;
    if (access == Access::map) {
        // A writer may replace the file, and then its log, between two looks.
        for (int tries = 3;; --tries) try {
                impl->take(map_store(path));
                break;
            } catch (const Error&) {
                if (tries == 1) throw;
            }
        impl->is_mapped = true;
    } else {
        if (!is_there(path)) read_head(path);  // for its error; there is nothing to lock
        auto journal = std::make_unique<Journal>(path);
        const StoredPart stored = load_store(path);
        journal->begin(stored.head, impl->take(stored));
        impl->journal = std::move(journal);
    }
    return MemoryStore(std::move(impl));
}

StoreInfo MemoryStore::peek(const std::filesystem::path& path) {
    const FileHead head = read_head(path);
    return {head.options, head.slots, head.has_texts, head.lists, head.generator};
}

void MemoryStore::sync() {
    const std::lock_guard lock(impl().writer);
    if (impl().journal) impl().journal->sync(impl().state()->version);
}

}  // namespace kvmem::store
