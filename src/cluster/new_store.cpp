#include "kvmem/cluster/new_store.hpp"

#include "cluster/gather.hpp"
#include "io/byte_stream.hpp"
#include "kvmem/cluster/agreement.hpp"
#include "kvmem/cluster/shards.hpp"
#include "kvmem/cluster/store_shards.hpp"
#include "kvmem/core/error.hpp"
#include "store/files/manifest.hpp"
#include "store/files/write_ahead_log.hpp"
#include "store/search/inverted_lists.hpp"
#include "store/search/query.hpp"

#include <algorithm>
#include <utility>

namespace kvmem {

using store::Id;
using store::Manifest;
using store::Segment;
using store::Snapshot;

// Rows that are sent at once, which bounds the memory of messages.
static constexpr Index rows_of_message = 32768;

static bool has_shard(const Dealt& own, Index shard) { return own.first <= shard && shard < own.last; }

std::vector<Id> ids_of_rank(const Cluster& cluster, Index all, Index shards) {
    const Dealt own = deal_evenly(shards, cluster.rank(), cluster.size());
    std::vector<Id> ids;
    for (Id id = 0; id < static_cast<Id>(all); ++id)
        if (has_shard(own, store::shard_of(id, shards))) ids.push_back(id);
    return ids;
}

// The rank that has each shard.
static std::vector<Index> ranks_of_shards(const Cluster& cluster, Index shards) {
    std::vector<Index> ranks(static_cast<std::size_t>(shards));
    for (Index rank = 0; rank < cluster.size(); ++rank) {
        const Dealt own = deal_evenly(shards, rank, cluster.size());
        std::fill(ranks.begin() + own.first, ranks.begin() + own.last, rank);
    }
    return ranks;
}

// --- Dealing ---------------------------------------------------------------------------------------------

namespace {

// What rank 0 tells of all slots.
struct AboutSlots {
    Index all = 0, key_width = 0, value_width = 0;
    bool has_texts = false;
};

template <class Stream>
void transfer(Stream& s, OneOf<AboutSlots> auto& about) {
    s(about.all, about.key_width, about.value_width, about.has_texts);
}

// Some rows on their way to another rank.
struct SomeSlots {
    std::vector<float> keys, values;
    std::vector<std::string> texts;

    void add(ConstView all_keys, const store::Values& all, Index row) {
        const auto append = [row](std::vector<float>& to, ConstView from) {
            if (from.cols > 0) to.insert(to.end(), from.row(row), from.row(row + 1));
        };
        append(keys, all_keys);
        append(values, all.vectors);
        if (!all.texts.empty()) texts.push_back(all.texts[static_cast<std::size_t>(row)]);
    }
};

template <class Stream>
void transfer(Stream& s, OneOf<SomeSlots> auto& slots) {
    s(slots.keys, slots.values, slots.texts);
}

// The slots of a rank, which come in parts.
class ArrivingSlots {
  public:
    ArrivingSlots(const Cluster& cluster, Index shards, const AboutSlots& about) {
        slots_.all = about.all;
        slots_.ids = ids_of_rank(cluster, about.all, shards);
        const Index count = std::ssize(slots_.ids);
        slots_.keys = Matrix(count, about.key_width);
        slots_.values = Matrix(count, about.value_width);
        if (about.has_texts) slots_.texts.reserve(static_cast<std::size_t>(count));
        has_texts_ = about.has_texts;
    }
    // The slots that come with the rows below `end`, behind those that came before.
    void add(const std::string& bytes, Index end) {
        const Index count = std::ranges::lower_bound(slots_.ids, static_cast<Id>(end)) - slots_.ids.begin() - came_;
        ByteReader in(bytes, "slots of rank 0");
        SomeSlots some;
        in(some);
        in.require_end();
        if (std::ssize(some.keys) != count * slots_.keys.cols() ||
            std::ssize(some.values) != count * slots_.values.cols() ||
            std::ssize(some.texts) != (has_texts_ ? count : 0))
            in.fail("a key, a value and a text for each of " + std::to_string(count) + " slots", "others");
        std::ranges::copy(some.keys, slots_.keys.row(came_));
        std::ranges::copy(some.values, slots_.values.row(came_));
        std::ranges::move(some.texts, std::back_inserter(slots_.texts));
        came_ += count;
    }
    SlotsOfRank take() { return std::move(slots_); }

  private:
    SlotsOfRank slots_;
    Index came_ = 0;
    bool has_texts_ = false;
};

}  // namespace

// The rows [first, end) for each rank, as bytes.
static std::vector<std::string> parts_of(const Cluster& cluster, Index shards, ConstView keys,
                                         const store::Values& values, Index first, Index end) {
    const std::vector<Index> ranks = ranks_of_shards(cluster, shards);
    std::vector<SomeSlots> parts(static_cast<std::size_t>(cluster.size()));
    for (Index row = first; row < end; ++row)
        parts[ranks[store::shard_of(static_cast<Id>(row), shards)]].add(keys, values, row);
    std::vector<std::string> bytes;
    bytes.reserve(parts.size());
    for (const SomeSlots& part : parts) {
        ByteWriter out;
        out(part);
        bytes.push_back(std::move(out.bytes));
    }
    return bytes;
}

// Sends each rank its text of rank 0, and returns that of this rank.
static std::string scatter(Cluster& cluster, std::vector<std::string> texts) {
    if (cluster.rank() == 0) {
        std::vector<Outgoing> out;
        out.reserve(texts.size());
        for (Index rank = 1; rank < cluster.size(); ++rank)
            out.push_back({rank, std::as_bytes(std::span(texts[rank]))});
        cluster.exchange(out, {});
        return std::move(texts[0]);
    }
    std::string own;
    Incoming in{0, [&own](std::size_t size) {
                    own.resize(size);
                    return std::as_writable_bytes(std::span(own));
                }};
    cluster.exchange({}, {&in, 1});
    return own;
}

SlotsOfRank deal_slots(Cluster& cluster, Index shards, ConstView keys, const store::Values& values) {
    ByteWriter out;
    out(AboutSlots{keys.rows, keys.cols, values.vectors.cols, !values.texts.empty()});
    cluster.broadcast(out.bytes);
    AboutSlots about;
    ByteReader in(out.bytes, "the slots of rank 0");
    in(about);
    in.require_end();
    in.require_count(about.all);
    ArrivingSlots arriving(cluster, shards, about);
    for (Index row = 0; row < about.all; row += rows_of_message) {
        const Index end = std::min(about.all, row + rows_of_message);
        std::vector<std::string> parts;
        if (cluster.rank() == 0) parts = parts_of(cluster, shards, keys, values, row, end);
        arriving.add(scatter(cluster, std::move(parts)), end);
    }
    return arriving.take();
}

// --- Making ----------------------------------------------------------------------------------------------

namespace {

// What a rank tells of its slots, and of the shards that it wrote.
struct AboutRank {
    Index slots = 0, key_width = 0, value_width = 0, lists = 0;
    bool has_texts = false;
    std::uint64_t set = 0;  // of rank 0
    std::vector<std::uint64_t> generations{};
    std::vector<Index> sizes{};
};

template <class Stream>
void transfer(Stream& s, OneOf<AboutRank> auto& about) {
    s(about.slots, about.key_width, about.value_width, about.lists, about.has_texts, about.set, about.generations,
      about.sizes);
}

}  // namespace

static std::vector<AboutRank> tell_all(Cluster& cluster, const AboutRank& own) {
    ByteWriter out;
    out(own);
    const std::vector<std::string> all = cluster.gather(out.bytes);
    std::vector<AboutRank> ranks(all.size());
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
        ByteReader in(all[rank], "rank " + std::to_string(rank));
        in(ranks[rank]);
        in.require_end();
        in.require_count(ranks[rank].slots);
    }
    return ranks;
}

// The head of the store, from what all ranks tell. Ranks without slots have no widths.
static store::FileHead head_of(const NewStore& wanted, const std::vector<AboutRank>& ranks) {
    store::FileHead head;
    head.options = {.metric = wanted.metric, .encoding = wanted.encoding};
    for (const AboutRank& rank : ranks) {
        head.slots += rank.slots;
        head.has_texts |= rank.has_texts;
        head.options.key_width = std::max(head.options.key_width, rank.key_width);
        head.options.value_width = std::max(head.options.value_width, rank.value_width);
    }
    head.version = wanted.changes;
    head.next_id = static_cast<Id>(head.slots);
    head.generation = store::new_generation();
    head.shard.set = ranks.at(0).set;
    head.is_logged = true;
    return head;
}

// Throws Error unless these are the slots that the rank has of the store.
static void require_own(const Cluster& cluster, const NewStore& wanted, const store::FileHead& head,
                        const SlotsOfRank& own) {
    static_cast<void>(store::MemoryStore(head.options));  // throws for options out of range
    const Index count = std::ssize(own.ids);
    require_shape(own.all == head.slots && own.ids == ids_of_rank(cluster, own.all, wanted.shards), "a new store",
                  "the slots of its own shards on each rank");
    require_shape(own.keys.rows() == count && (count == 0 || own.keys.cols() == head.options.key_width) &&
                      (head.options.value_width == 0 || count == 0 ||
                       (own.values.rows() == count && own.values.cols() == head.options.value_width)) &&
                      (own.texts.empty() || std::ssize(own.texts) == count),
                  "a new store", "a key, a value and a text for each id, as wide on all ranks");
    store::require_valid(own.keys, "keys");
    store::require_valid(own.values, "values");
}

// The slots as those of a store, with the head's options.
static Snapshot snapshot_of(const store::FileHead& head, const SlotsOfRank& own) {
    const Index count = std::ssize(own.ids);
    const bool has_values = head.options.value_width > 0 && count > 0;
    const auto segment = std::make_shared<Segment>(head.options, count, head.has_texts);
    if (count > 0)
        segment->append(0, own.keys, {has_values ? own.values.view() : ConstView{nullptr, count, 0}, own.texts},
                        own.ids);
    return {head.options, {{segment, count, nullptr}}, count, head.version, head.has_texts, head.next_id};
}

// Rows of all ranks in one order, from those that each rank sent in its own: row i is the next one of rank_of(i).
template <class RankOf>
static Matrix in_order(const std::vector<std::string>& sent, Index rows, Index width, RankOf rank_of) {
    std::vector<std::vector<float>> numbers(sent.size());
    for (std::size_t rank = 0; rank < sent.size(); ++rank) {
        ByteReader in(sent[rank], "keys of rank " + std::to_string(rank));
        in(numbers[rank]);
        in.require_end();
        Index expected = 0;
        for (Index i = 0; i < rows; ++i) expected += rank_of(i) == static_cast<Index>(rank) ? width : 0;
        if (std::ssize(numbers[rank]) != expected)
            in.fail(std::to_string(expected) + " numbers", std::to_string(numbers[rank].size()));
    }
    Matrix all(rows, width);
    std::vector<Index> next(sent.size());
    for (Index i = 0; i < rows; ++i) {
        const auto rank = static_cast<std::size_t>(rank_of(i));
        std::copy_n(numbers[rank].data() + next[rank], width, all.row(i));
        next[rank] += width;
    }
    return all;
}

// Rank 0 learns the centroids from keys of all ranks, in the order in which one process has them.
static std::shared_ptr<const Segment> centroids_on_ranks(Cluster& cluster, const NewStore& wanted,
                                                         const store::FileHead& head, const Snapshot& own) {
    std::optional<store::CentroidTraining> training;
    run_together(cluster, [&] { training.emplace(std::max<Index>(1, head.slots), wanted.index.value()); });
    if (head.slots == 0) return nullptr;
    const std::vector<Index> ranks = ranks_of_shards(cluster, wanted.shards);
    const std::span<const Index> sample = training->sample();
    const auto rank_of = [&](Index i) { return ranks[store::shard_of(static_cast<Id>(sample[i]), wanted.shards)]; };
    std::vector<store::Location> sampled;
    for (Index i = 0; i < std::ssize(sample); ++i)
        if (rank_of(i) == cluster.rank()) sampled.push_back(own.find(static_cast<Id>(sample[i])).value());
    ByteWriter out;
    const Matrix own_keys = keys_in_list_space(own, sampled);
    const auto numbers = own_keys.view().span();
    out(std::vector<float>(numbers.begin(), numbers.end()));
    const std::vector<std::string> sent = gather_at_first(cluster, std::move(out.bytes));
    Matrix centroids(0, head.options.key_width);
    run_together(cluster, [&] {
        if (cluster.rank() == 0)
            centroids = training->learn(in_order(sent, std::ssize(sample), head.options.key_width, rank_of));
    });
    return store::centroids_for_queries(share_rows(cluster, centroids), wanted.metric);
}

// Writes the shards of this rank, and tells of them.
static AboutRank write_own(const Cluster& cluster, const store::NewStoreFiles& files, const store::FileHead& head,
                           const Snapshot& own, const std::shared_ptr<const Segment>& centroids) {
    const Index shards = std::ssize(files.shards);
    const Dealt mine = deal_evenly(shards, cluster.rank(), cluster.size());
    const std::vector<std::shared_ptr<const Segment>> segments = merge_segments(own, centroids, shards);
    AboutRank about;
    for (Index i = mine.first; i < mine.last; ++i) {
        const Manifest::Shard written = write_shard(files.path, files.shards[static_cast<std::size_t>(i)],
                                                    {head.shard.set, i, shards}, *segments[i], head);
        about.generations.push_back(written.generation);
        about.sizes.push_back(written.slots);
        if (segments[i]->lists) about.lists = segments[i]->lists->count();
    }
    return about;
}

static Manifest manifest_of(const store::NewStoreFiles& files, const store::FileHead& head,
                            const std::vector<AboutRank>& ranks) {
    Manifest manifest{head, {}};
    manifest.shards.reserve(files.shards.size());
    for (const AboutRank& rank : ranks) {
        manifest.head.lists = std::max(manifest.head.lists, rank.lists);
        for (std::size_t i = 0; i < rank.sizes.size(); ++i)
            manifest.shards.push_back({files.shards.at(manifest.shards.size()), rank.generations.at(i), rank.sizes[i]});
    }
    return manifest;
}

void make_store(Cluster& cluster, const NewStore& wanted, SlotsOfRank own) {
    std::optional<store::NewStoreFiles> files;
    std::optional<store::WriteAheadLog> log;  // of rank 0, with the lock of a writer
    run_together(cluster, [&] {
        require_option(wanted.shards >= 1, "shards", "1 to 1024");
        files.emplace(wanted.path, wanted.shards);
        files->require_none();  // before the lock file is made
        if (cluster.rank() > 0) return;
        log.emplace(files->path);
        files->require_none();  // again, as another process may have made one before the lock was taken
    });
    const std::vector<AboutRank> all = tell_all(cluster, {.slots = std::ssize(own.ids),
                                                          .key_width = own.ids.empty() ? 0 : own.keys.cols(),
                                                          .value_width = own.ids.empty() ? 0 : own.values.cols(),
                                                          .has_texts = !own.texts.empty(),
                                                          .set = store::new_generation()});
    store::FileHead head = head_of(wanted, all);
    std::optional<Snapshot> snapshot;
    run_together(cluster, [&] {
        require_own(cluster, wanted, head, own);
        snapshot.emplace(snapshot_of(head, own));
        own = {};
    });
    const auto centroids =
        wanted.index ? centroids_on_ranks(cluster, wanted, head, *snapshot) : std::shared_ptr<const Segment>();
    try {
        AboutRank written;
        run_together(cluster, [&] { written = write_own(cluster, *files, head, *snapshot, centroids); });
        const std::vector<AboutRank> shards = tell_all(cluster, written);
        run_together(cluster, [&] {
            if (cluster.rank() > 0) return;
            write_manifest(files->path, manifest_of(*files, head, shards));
            log->begin(head, std::nullopt);
        });
    } catch (...) {
        files->remove();
        cluster.barrier();  // the first rank may end the others when this throws
        throw;
    }
}

}  // namespace kvmem
