#include "kvmem/cluster/store_shards.hpp"

#include "cluster/gather.hpp"
#include "io/byte_stream.hpp"
#include "kvmem/cluster/agreement.hpp"
#include "kvmem/cluster/shards.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace kvmem {

using store::Id;
using store::MemoryStore;

MemoryStore open_store_of_rank(Cluster& cluster, const std::filesystem::path& path) {
    std::optional<MemoryStore> own;
    run_together(cluster, [&] {
        const Index shards = std::ssize(MemoryStore::peek(path).shards);
        if (shards == 0)
            throw Error({.what = "several ranks search a store in shards alone",
                         .expected = "a manifest, as 'kvmem index --shards' makes it",
                         .got = "a store in one file",
                         .where = path.string()});
        const Dealt mine = deal_evenly(shards, cluster.rank(), cluster.size());
        own = MemoryStore::open_shards(path, mine.first, mine.last);
    });
    return std::move(*own);
}

// The slots of a rank as bytes.
static std::string packed_slots(const MemoryStore& own, std::span<const Id> ids) {
    const store::StoredSlots slots = own.get(ids);
    ByteWriter out;
    const auto floats = [](const Matrix& rows) {
        const std::span<const Real> all = rows.view().span();
        return std::vector<float>(all.begin(), all.end());
    };
    out(own.size(), own.has_texts(), std::vector<Id>(ids.begin(), ids.end()), floats(slots.keys), floats(slots.values),
        slots.texts);
    return std::move(out.bytes);
}

namespace {

// The slots of a rank that has sent them.
struct SentSlots {
    Index size = 0;  // of its store
    bool has_texts = false;
    std::vector<Id> ids;
    std::vector<float> keys, values;
    std::vector<std::string> texts;

    SentSlots(const std::string& bytes, Index rank, const store::StoreOptions& options) {
        ByteReader in(bytes, "slots of rank " + std::to_string(rank));
        in(size, has_texts, ids, keys, values, texts);
        in.require_end();
        in.require_count(size);
        const Index count = std::ssize(ids);
        if (std::ssize(keys) != count * options.key_width || std::ssize(values) != count * options.value_width ||
            std::ssize(texts) != count)
            in.fail("a key, a value and a text for each of " + std::to_string(count) + " slots", "others");
    }
};

}  // namespace

// On rank 0 a store of these slots of all ranks, and the sum of the sizes of their stores.
static MemoryStore gathered(Cluster& cluster, const MemoryStore& own, std::span<const Id> ids, Index& size) {
    const store::StoreOptions options = own.options();
    const std::vector<std::string> all = gather_at_first(cluster, packed_slots(own, ids));
    size = 0;
    MemoryStore found(options);
    if (cluster.rank() > 0) return found;
    std::vector<SentSlots> sent;
    sent.reserve(all.size());
    for (Index rank = 0; rank < cluster.size(); ++rank) sent.emplace_back(all[rank], rank, options);
    const bool has_texts = std::ranges::any_of(sent, &SentSlots::has_texts);
    for (const SentSlots& slots : sent) {
        size += slots.size;
        const Index count = std::ssize(slots.ids);
        if (count == 0) continue;
        const ConstView values =
            options.value_width > 0 ? ConstView{slots.values.data(), count, options.value_width} : ConstView{};
        found.add({slots.keys.data(), count, options.key_width},
                  {values, has_texts ? std::span<const std::string>(slots.texts) : std::span<const std::string>()},
                  slots.ids);
    }
    return found;
}

MemoryStore gather_slots(Cluster& cluster, const MemoryStore& own, std::span<const Id> ids) {
    Index size = 0;
    return gathered(cluster, own, ids, size);
}

Matrix share_rows(Cluster& cluster, ConstView own) {
    ByteWriter out;
    const auto all = own.span();
    out(own.rows, own.cols, std::vector<float>(all.begin(), all.end()));
    cluster.broadcast(out.bytes);
    ByteReader in(out.bytes, "rows of rank 0");
    Index rows = 0, cols = 0;
    std::vector<float> numbers;
    in(rows, cols, numbers);
    if (rows < 0 || cols < 0 || std::ssize(numbers) != rows * cols) in.fail("rows of numbers", "others");
    Matrix shared(rows, cols);
    std::ranges::copy(numbers, shared.data());
    return shared;
}

MemoryStore search_on_ranks(Cluster& cluster, const MemoryStore& own, ConstView queries, Index k,
                            const store::SearchOptions& options, Index& size) {
    std::vector<Id> ids;
    run_together(cluster, [&] {
        require_option(options.probes == 0 || queries.rows <= 1, "probes", "one query at a time");
        const store::Hits hits = own.search(queries, k, options);
        for (Index q = 0; q < queries.rows; ++q) {
            const std::span<const Id> of = hits.ids_of(q);
            ids.insert(ids.end(), of.begin(), of.end());
        }
    });
    std::ranges::sort(ids);
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return gathered(cluster, own, ids, size);
}

}  // namespace kvmem
