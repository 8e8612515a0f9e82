// How the slots of a new store come to the ranks that have their shards.
#include "cluster/ranks_of_shards.hpp"
#include "io/byte_stream.hpp"
#include "kvmem/cluster/new_store.hpp"
#include "kvmem/cluster/shards.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace kvmem {

using store::Id;

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

std::vector<Index> ranks_of_shards(const Cluster& cluster, Index shards) {
    std::vector<Index> ranks(static_cast<std::size_t>(shards));
    for (Index rank = 0; rank < cluster.size(); ++rank) {
        const Dealt own = deal_evenly(shards, rank, cluster.size());
        std::fill(ranks.begin() + own.first, ranks.begin() + own.last, rank);
    }
    return ranks;
}

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

}  // namespace kvmem
