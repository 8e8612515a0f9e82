#include "store/search/search.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "store/search/centroids.hpp"
#include "store/search/inverted_lists.hpp"
#include "store/search/search_filter.hpp"
#include "store/search/tile_scan.hpp"

#include <cmath>
#include <deque>
#include <mutex>

namespace kvmem::store {

using detail::scan_tile;

namespace {

// Queries that go through the slots together.
constexpr Index query_block = TileScan::max_queries;
// Tiles after which the thresholds are refreshed from those of other threads.
constexpr Index tile_block = 8;

constexpr double unbounded = std::numeric_limits<double>::infinity();

using Scratch = TileScan::Scratch;

class Search {
  public:
    Search(const Snapshot& snapshot, const Queries& queries, Index k, float min_score, const SearchOptions& options)
        : snapshot_(snapshot),
          queries_(queries),
          options_(options),
          filter_(snapshot, options),
          tiles_(snapshot, queries),
          k_(k),
          min_score_(min_score),
          found_(queries.count(), TopK(k, min_score)),
          thresholds_(queries.count()) {}

    std::vector<TopK> run() {
        if (k_ == 0 || queries_.count() == 0) return std::move(found_);
        if (filter_.is_small())
            score_filtered();
        else if (options_.probes > 0 && snapshot_.lists())
            probe();
        else
            scan_segments(0);
        return std::move(found_);
    }

  private:
    CandidateBuffer candidates_of(Index query) {
        return {snapshot_, queries_, query, options_.where, k_, min_score_, thresholds_[query]};
    }
    // Merges the results of one task. The order of merging does not matter: TopK breaks ties by id.
    void finish(Index query, CandidateBuffer& candidates) {
        candidates.flush();
        const std::lock_guard lock(mutex_);
        found_[query].merge(candidates.top_k());
    }

    void score_filtered() {
        parallel_for(queries_.count(), 1, [&](Index first, Index last) {
            for (Index q = first; q < last; ++q) {
                CandidateBuffer candidates = candidates_of(q);
                for (const Location location : filter_.locations()) candidates.add(location, unbounded);
                finish(q, candidates);
            }
        });
    }

    // --- Whole segments ----------------------------------------------------------------------------------

    // Scans all slots of segments [first, ...), in tasks over blocks of queries and ranges of tiles.
    void scan_segments(Index first) {
        Index tiles = 0;
        for (Index s = first; s < std::ssize(snapshot_.segments); ++s) tiles += snapshot_.segments[s].tiles();
        const Index blocks = (queries_.count() + query_block - 1) / query_block;
        const std::vector<TileRange> ranges = ranges_of(first, std::max<Index>(tile_block, (tiles * blocks + 31) / 32));
        const Index tasks = blocks * std::ssize(ranges);
        const Index work = tiles * scan_tile * queries_.count() * queries_.width();
        const bool is_little = work < (Index{1} << 17);  // less than threads cost
        parallel_for(tasks, is_little ? tasks : 1, [&](Index from, Index to) {
            for (Index task = from; task < to; ++task) {
                const Index query = task / std::ssize(ranges) * query_block;
                scan_range(ranges[task % std::ssize(ranges)], query, std::min(query_block, queries_.count() - query));
            }
        });
    }

    // Segments [first, ...), cut into ranges of at most `length` tiles.
    std::vector<TileRange> ranges_of(Index first, Index length) const {
        std::vector<TileRange> ranges;
        for (Index s = first; s < std::ssize(snapshot_.segments); ++s) {
            const Index tiles = snapshot_.segments[s].tiles();
            for (Index tile = 0; tile < tiles; tile += length)
                ranges.push_back({s, tile, std::min(tiles, tile + length)});
        }
        return ranges;
    }

    void scan_range(const TileRange& range, Index first_query, Index count) {
        std::vector<CandidateBuffer> candidates;
        candidates.reserve(count);
        for (Index q = 0; q < count; ++q) candidates.push_back(candidates_of(first_query + q));
        const SegmentView& view = snapshot_.segments[range.segment];
        const Index encoded = (view.segment->encoded_count(view.count) + scan_tile - 1) / scan_tile;
        Scratch scratch(count);
        for (Index tile = range.first_tile; tile < std::min(range.end_tile, encoded); tile += tile_block)
            scan_block({range.segment, tile, std::min({tile + tile_block, range.end_tile, encoded})}, first_query,
                       candidates, scratch);
        // The last tile may not be encoded yet: all of its slots are scored.
        for (Index tile = std::max(range.first_tile, encoded); tile < range.end_tile; ++tile)
            for (CandidateBuffer& buffer : candidates)
                add_slots(range.segment, tile, filter_.tile(range.segment, tile), nullptr, 0, buffer);
        for (Index q = 0; q < count; ++q) finish(first_query + q, candidates[q]);
    }

    void scan_block(const TileRange& range, Index first_query, std::vector<CandidateBuffer>& candidates,
                    Scratch& scratch) {
        refresh_thresholds(tiles_.bound_of(range), first_query, candidates, scratch);
        const Index count = std::ssize(candidates);
        const bool multiplies = tiles_.multiplies(range.segment, count);
        for (Index tile = range.first_tile; tile < range.end_tile; ++tile) {
            const std::uint64_t allowed = filter_.tile(range.segment, tile);
            if (multiplies)  // even if no slot is allowed, as one product covers several tiles
                tiles_.multiply(range, tile, first_query, count, scratch);
            else if (allowed != 0)
                tiles_.scan(range.segment, tile, first_query, count, scratch);
            if (allowed != 0) collect(range.segment, tile, allowed, candidates, scratch);
        }
    }

    void refresh_thresholds(const detail::CodeBound& bound, Index first_query, std::vector<CandidateBuffer>& candidates,
                            Scratch& scratch) {
        for (Index q = 0; q < std::ssize(candidates); ++q) {
            scratch.errors[q] = queries_.error(first_query + q, bound);
            candidates[q].refresh();
            scratch.thresholds[q] = scan_threshold(candidates[q], scratch.errors[q]);
        }
    }

    // Turns the results of a tile's scan into candidates.
    static void collect(Index segment, Index tile, std::uint64_t allowed, std::vector<CandidateBuffer>& candidates,
                        Scratch& scratch) {
        for (Index q = 0; q < std::ssize(candidates); ++q)
            if (const std::uint64_t slots = scratch.above[q] & allowed; slots != 0) {
                add_slots(segment, tile, slots, scratch.scores.data() + q * scan_tile, scratch.errors[q],
                          candidates[q]);
                scratch.thresholds[q] = scan_threshold(candidates[q], scratch.errors[q]);
            }
    }

    // What a scan must find for a slot to be a candidate, rounded down to a float.
    static float scan_threshold(const CandidateBuffer& candidates, double error) {
        const double min = candidates.threshold() - error;
        return static_cast<float>(min - std::abs(min) * 0x1p-22);
    }

    // Slots of a tile, a bit each, become candidates. Without scores nothing bounds them.
    static void add_slots(Index segment, Index tile, std::uint64_t slots, const float* scores, double error,
                          CandidateBuffer& candidates) {
        for (; slots != 0; slots &= slots - 1) {
            const int i = __builtin_ctzll(slots);
            candidates.add({segment, tile * scan_tile + i}, scores ? double{scores[i]} + error : unbounded);
        }
    }

    // --- Lists -------------------------------------------------------------------------------------------

    // Scans the lists nearest to each query, then the slots that are in no list. A query that finds too few slots in
    // its lists scans more of them.
    void probe() {
        const InvertedLists& lists = *snapshot_.lists();
        const Index count = lists.count();
        const Index probes = std::min(options_.probes, count), indexed = snapshot_.indexed();
        const std::vector<std::uint32_t> nearest = nearest_lists(*lists.centroids, probes);
        parallel_for(queries_.count(), 4, [&](Index first, Index last) {
            Scratch scratch(1);
            for (Index q = first; q < last; ++q) {
                CandidateBuffer candidates = candidates_of(q);
                for (Index i = 0; i < probes * indexed; ++i)
                    scan_list(i % indexed, nearest[q * probes + i / indexed], q, candidates, scratch);
                finish(q, candidates);
            }
        });
        if (std::ssize(snapshot_.segments) > indexed) scan_segments(indexed);
        if (probes < count && std::isinf(min_score_)) probe_further();
    }

    // Repeats the search with four times the probes for queries that lack hits, in the end over all lists.
    void probe_further() {
        std::vector<Index> short_of;
        for (Index q = 0; q < queries_.count(); ++q)
            if (found_[q].size() < std::min(k_, snapshot_.size)) short_of.push_back(q);
        if (short_of.empty()) return;
        Matrix rows(std::ssize(short_of), queries_.width());
        for (Index i = 0; i < rows.rows(); ++i) std::copy_n(queries_.row(short_of[i]), rows.cols(), rows.row(i));
        SearchOptions wider = options_;
        wider.probes *= 4;
        std::vector<TopK> found = Search(snapshot_, Queries(rows, snapshot_.options), k_, min_score_, wider).run();
        for (std::size_t i = 0; i < short_of.size(); ++i) found_[short_of[i]] = std::move(found[i]);
    }

    std::vector<std::uint32_t> nearest_lists(const Segment& centroids, Index probes) const {
        Matrix rows(queries_.count(), queries_.width());
        parallel_for(rows.rows(), 256, [&](Index first, Index last) {
            for (Index q = first; q < last; ++q)
                to_list_space(snapshot_.options.metric, queries_.row(q), rows.cols(), rows.row(q));
        });
        return nearest_centroids(centroids, Queries(rows, centroids.options), probes);
    }

    // Scans one list of an indexed segment. Its first and last tile may hold slots of other lists, too.
    void scan_list(Index segment, Index list, Index query, CandidateBuffer& candidates, Scratch& scratch) {
        const InvertedLists& lists = *tiles_.segment(segment).lists;
        const Index first = lists.offsets[list], end = lists.offsets[list + 1];
        for (Index tile = first / scan_tile; tile * scan_tile < end; ++tile) {
            std::uint64_t allowed = filter_.tile(segment, tile);
            const Index from = std::max<Index>(0, first - tile * scan_tile), to = end - tile * scan_tile;
            allowed &= ~std::uint64_t{0} << from;
            if (to < scan_tile) allowed &= (std::uint64_t{1} << to) - 1;
            if (allowed == 0) continue;
            const double error = queries_.error(query, tiles_.segment(segment).bounds[tile]);
            scratch.thresholds[0] = scan_threshold(candidates, error);
            tiles_.scan(segment, tile, query, 1, scratch);
            add_slots(segment, tile, scratch.above[0] & allowed, scratch.scores.data(), error, candidates);
        }
    }

    const Snapshot& snapshot_;
    const Queries& queries_;
    const SearchOptions& options_;
    SearchFilter filter_;
    TileScan tiles_;
    Index k_;
    float min_score_;
    std::vector<TopK> found_;
    std::mutex mutex_;                        // of found_
    std::deque<SharedThreshold> thresholds_;  // of each query; a deque, as atomics cannot move
};

}  // namespace

std::vector<TopK> search(const Snapshot& snapshot, const Queries& queries, Index k, float min_score,
                         const SearchOptions& options) {
    return Search(snapshot, queries, k, min_score, options).run();
}

Index places_of_each(const Snapshot& snapshot, Index rows, Index k, const char* option) {
    require_option(k >= 0, option, "0 or more");
    const Index places = std::min(k, snapshot.size);
    require_option(places == 0 || rows <= std::numeric_limits<Index>::max() / 64 / places, option,
                   "fewer, for so many queries");
    return places;
}

Hits to_hits(const std::vector<TopK>& found, Index k) {
    const Index places = std::ssize(found) * k;
    Hits hits{k, std::vector<Id>(places, 0), std::vector<float>(places, no_score), {}};
    for (Index q = 0; q < std::ssize(found); ++q) {
        const std::vector<ScoredSlot> slots = found[q].sorted();
        for (Index i = 0; i < std::ssize(slots); ++i) {
            hits.ids[q * k + i] = slots[i].id;
            hits.scores[q * k + i] = slots[i].score;
        }
        hits.count.push_back(std::ssize(slots));
    }
    return hits;
}

}  // namespace kvmem::store
