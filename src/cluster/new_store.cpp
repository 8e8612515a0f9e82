#include "kvmem/cluster/new_store.hpp"

#include "cluster/gather.hpp"
#include "cluster/ranks_of_shards.hpp"
#include "io/byte_stream.hpp"
#include "kvmem/cluster/agreement.hpp"
#include "kvmem/cluster/shards.hpp"
#include "kvmem/cluster/store_shards.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "store/files/manifest.hpp"
#include "store/files/write_ahead_log.hpp"
#include "store/search/inverted_lists.hpp"
#include "store/search/query.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <system_error>
#include <utility>

namespace kvmem {

namespace fs = std::filesystem;

using store::Id;
using store::Manifest;
using store::Segment;
using store::Snapshot;

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

// The head of the store, from what all ranks tell. A rank that encoded no slots may know no widths.
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

namespace {

// The shards of this rank. Until those of all ranks are written, they have names that no store has, so that a kill
// before that leaves nothing that is in the way of the next try.
class OwnShards {
  public:
    OwnShards(const Cluster& cluster, const store::NewStoreFiles& files)
        : files_(files), own_(deal_evenly(std::ssize(files.shards), cluster.rank(), cluster.size())) {}

    // Writes them, and tells of them.
    [[nodiscard]] AboutRank write(const store::FileHead& head, const Snapshot& slots,
                                  const std::shared_ptr<const Segment>& centroids) const {
        const Index shards = std::ssize(files_.shards);
        const std::vector<std::shared_ptr<const Segment>> segments = merge_segments(slots, centroids, shards);
        AboutRank about;
        for (Index i = own_.first; i < own_.last; ++i) {
            const Manifest::Shard written = write_shard(files_.path, unfinished(i).filename().string(),
                                                        {head.shard.set, i, shards}, *segments[i], head);
            about.generations.push_back(written.generation);
            about.sizes.push_back(written.slots);
            if (segments[i]->lists) about.lists = segments[i]->lists->count();
        }
        return about;
    }
    // Gives them their names.
    void finish() const {
        for (Index i = own_.first; i < own_.last; ++i) fs::rename(unfinished(i), shard(i));
    }
    // Removes what was written of them, now or before a kill.
    void remove_unfinished() const {
        std::error_code ignored;
        for (Index i = own_.first; i < own_.last; ++i) {
            fs::remove(unfinished(i), ignored);
            remove_leftovers(unfinished(i));
        }
    }

  private:
    [[nodiscard]] fs::path shard(Index i) const {
        return files_.path.parent_path() / files_.shards[static_cast<std::size_t>(i)];
    }
    [[nodiscard]] fs::path unfinished(Index i) const { return shard(i) += ".unfinished"; }

    const store::NewStoreFiles& files_;
    Dealt own_;
};

}  // namespace

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
                                                          .key_width = own.keys.cols(),
                                                          .value_width = own.values.cols(),
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
    const OwnShards shards(cluster, *files);
    try {
        AboutRank written;
        run_together(cluster, [&] {
            shards.remove_unfinished();
            written = shards.write(head, *snapshot, centroids);
        });
        run_together(cluster, [&] { shards.finish(); });
        const std::vector<AboutRank> ranks = tell_all(cluster, written);
        run_together(cluster, [&] {
            if (cluster.rank() > 0) return;
            write_manifest(files->path, manifest_of(*files, head, ranks));
            log->begin(head, std::nullopt);
        });
    } catch (...) {
        shards.remove_unfinished();
        files->remove();
        cluster.barrier();  // the first rank may end the others when this throws
        throw;
    }
}

}  // namespace kvmem
