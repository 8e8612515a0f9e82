#include "store/search/search.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "store/search/allowed.hpp"
#include "store/search/centroids.hpp"
#include "store/search/lists.hpp"
#include "store/search/tile_scan.hpp"

#include <cmath>
#include <deque>
#include <mutex>

namespace kvmem::store {

using detail::scan_tile;

namespace {

// Queries that go through the slots together.
constexpr Index query_block = TileScan::most_queries;
// Tiles after which what must be reached is worked out again.
constexpr Index tile_block = 8;

using Scratch = TileScan::Scratch;

class Search {
  public:
    Search(const State& state, const Queries& queries, Index k, float floor, const SearchOptions& options)
        : state_(state),
          queries_(queries),
          options_(options),
          allowed_(state, options),
          tiles_(state, queries),
          k_(k),
          floor_(floor),
          found_(static_cast<std::size_t>(queries.count()), Best(k, floor)),
          floors_(static_cast<std::size_t>(queries.count())) {}

    std::vector<Best> run() {
        if (k_ == 0 || queries_.count() == 0) return std::move(found_);
        if (allowed_.is_small())
            look_at_places();
        else if (options_.probes > 0 && base_lists())
            probe();
        else
            scan_slices(0);
        return std::move(found_);
    }

  private:
    const Lists* base_lists() const { return state_.slices.empty() ? nullptr : state_.slices[0].part->lists.get(); }
    Selection selection(Index query) {
        return {state_, queries_, query, options_.where, k_, floor_, floors_[static_cast<std::size_t>(query)]};
    }
    void keep(Index query, const Selection& selection) {
        const std::lock_guard lock(mutex_);
        found_[static_cast<std::size_t>(query)].take(selection.best());
    }

    void look_at_places() {
        parallel_for(queries_.count(), 1, [&](Index first, Index last) {
            for (Index q = first; q < last; ++q) {
                Selection here = selection(q);
                for (const Place place : allowed_.places()) here.candidate(place, unbounded);
                here.settle();
                keep(q, here);
            }
        });
    }

    // All slots of slices [first, ...), in tasks over queries and slots.
    void scan_slices(std::size_t first) {
        Index tiles = 0;
        for (std::size_t s = first; s < state_.slices.size(); ++s) tiles += state_.slices[s].tiles();
        const Index blocks = (queries_.count() + query_block - 1) / query_block;
        const Index length = std::max<Index>(tile_block, (tiles * blocks + 31) / 32);
        std::vector<TileRange> ranges;
        for (std::size_t s = first; s < state_.slices.size(); ++s)
            for (Index tile = 0; tile < state_.slices[s].tiles(); tile += length)
                ranges.push_back({static_cast<Index>(s), tile, std::min(state_.slices[s].tiles(), tile + length)});
        const Index parts = static_cast<Index>(ranges.size());
        const Index work = tiles * scan_tile * queries_.count() * queries_.width();
        parallel_for(blocks * parts, work < (Index{1} << 17) ? blocks * parts : 1, [&](Index from, Index to) {
            for (Index task = from; task < to; ++task) {
                const Index query = task / parts * query_block;
                scan_range(ranges[static_cast<std::size_t>(task % parts)], query,
                           std::min(query_block, queries_.count() - query));
            }
        });
    }

    // The lists nearest to each query, then what is in no list. Who finds too few looks everywhere.
    void probe() {
        const Lists& lists = *base_lists();
        const Index count = static_cast<Index>(lists.offsets.size()) - 1;
        const Index probes = std::min(options_.probes, count);
        const std::vector<std::uint32_t> nearest = nearest_lists(*lists.centroids, probes);
        parallel_for(queries_.count(), 4, [&](Index first, Index last) {
            Scratch scratch(1);
            for (Index q = first; q < last; ++q) {
                Selection here = selection(q);
                for (Index i = 0; i < probes; ++i) {
                    const std::uint32_t list = nearest[static_cast<std::size_t>(q * probes + i)];
                    scan_list(lists.offsets[list], lists.offsets[list + 1], q, here, scratch);
                }
                here.settle();
                keep(q, here);
            }
        });
        if (state_.slices.size() > 1) scan_slices(1);
        if (probes < count && std::isinf(floor_)) search_further();
    }

    // Queries whose lists held too few look at more of them, in the end at all.
    void search_further() {
        std::vector<Index> short_of;
        for (Index q = 0; q < queries_.count(); ++q)
            if (found_[static_cast<std::size_t>(q)].size() < std::min(k_, state_.size)) short_of.push_back(q);
        if (short_of.empty()) return;
        Matrix rows(static_cast<Index>(short_of.size()), queries_.width());
        for (Index i = 0; i < rows.rows(); ++i)
            std::copy_n(queries_.row(short_of[static_cast<std::size_t>(i)]), rows.cols(), rows.row(i));
        SearchOptions wider = options_;
        wider.probes *= 4;
        std::vector<Best> found = Search(state_, Queries(rows, state_.options), k_, floor_, wider).run();
        for (std::size_t i = 0; i < short_of.size(); ++i)
            found_[static_cast<std::size_t>(short_of[i])] = std::move(found[i]);
    }

    std::vector<std::uint32_t> nearest_lists(const Part& centroids, Index probes) const {
        Matrix rows(queries_.count(), queries_.width());
        parallel_for(rows.rows(), 256, [&](Index first, Index last) {
            for (Index q = first; q < last; ++q)
                see_as_lists(state_.options.metric, queries_.row(q), rows.cols(), rows.row(q));
        });
        return nearest_centroids(centroids, Queries(rows, centroids.options), probes);
    }

    // --- Tiles -------------------------------------------------------------------------------------------

    void scan_range(const TileRange& range, Index first_query, Index count) {
        std::vector<Selection> selections;
        selections.reserve(static_cast<std::size_t>(count));
        for (Index q = 0; q < count; ++q) selections.push_back(selection(first_query + q));
        const Slice& slice = state_.slices[static_cast<std::size_t>(range.slice)];
        const Index encoded = (slice.part->encoded(slice.count) + scan_tile - 1) / scan_tile;
        Scratch scratch(count);
        for (Index tile = range.first_tile; tile < std::min(range.end_tile, encoded); tile += tile_block)
            scan_block({range.slice, tile, std::min({tile + tile_block, range.end_tile, encoded})}, first_query,
                       selections, scratch);
        for (Index tile = std::max(range.first_tile, encoded); tile < range.end_tile; ++tile)
            for (std::size_t q = 0; q < selections.size(); ++q)
                take(range.slice, tile, allowed_.tile(range.slice, tile), nullptr, 0, selections[q]);
        for (Index q = 0; q < count; ++q) {
            Selection& here = selections[static_cast<std::size_t>(q)];
            here.settle();
            keep(first_query + q, here);
        }
    }

    // What a scan must give for a slot to be a candidate, rounded down.
    static float least_of(const Selection& selection, double error) {
        const double least = selection.threshold() - error;
        return static_cast<float>(least - std::abs(least) * 0x1p-22);
    }

    void scan_block(const TileRange& range, Index first_query, std::vector<Selection>& selections, Scratch& scratch) {
        const detail::CodeBound bound = tiles_.bound_of(range);
        const Index count = static_cast<Index>(selections.size());
        scratch.errors.resize(selections.size());
        for (Index q = 0; q < count; ++q) {
            const auto at = static_cast<std::size_t>(q);
            scratch.errors[at] = queries_.error(first_query + q, bound);
            selections[at].refresh();
            scratch.least[at] = least_of(selections[at], scratch.errors[at]);
        }
        const bool multiply = tiles_.multiplies(range.slice, count);
        for (Index tile = range.first_tile; tile < range.end_tile; ++tile) {
            const std::uint64_t allowed = allowed_.tile(range.slice, tile);
            if (multiply)
                tiles_.multiply(range, tile, first_query, count, scratch);
            else if (allowed != 0)
                tiles_.scan(range.slice, tile, first_query, count, scratch);
            if (allowed == 0) continue;
            for (std::size_t q = 0; q < selections.size(); ++q)
                if (const std::uint64_t above = scratch.above[q] & allowed; above != 0) {
                    take(range.slice, tile, above, scratch.scores.data() + q * scan_tile, scratch.errors[q],
                         selections[q]);
                    scratch.least[q] = least_of(selections[q], scratch.errors[q]);
                }
        }
    }

    // StoredSlots [first, end) of the base, which are those of a list.
    void scan_list(Index first, Index end, Index query, Selection& selection, Scratch& scratch) {
        for (Index tile = first / scan_tile; tile * scan_tile < end; ++tile) {
            std::uint64_t allowed = allowed_.tile(0, tile);
            const Index from = std::max<Index>(0, first - tile * scan_tile), to = end - tile * scan_tile;
            allowed &= ~std::uint64_t{0} << from;
            if (to < scan_tile) allowed &= (std::uint64_t{1} << to) - 1;
            if (allowed == 0) continue;
            const double error = queries_.error(query, tiles_.part(0).bounds[tile]);
            scratch.least[0] = least_of(selection, error);
            tiles_.scan(0, tile, query, 1, scratch);
            take(0, tile, scratch.above[0] & allowed, scratch.scores.data(), error, selection);
        }
    }

    // StoredSlots of a tile become candidates. Without scores nothing is known of them.
    static void take(Index slice, Index tile, std::uint64_t slots, const float* scores, double error,
                     Selection& selection) {
        for (; slots != 0; slots &= slots - 1) {
            const int i = __builtin_ctzll(slots);
            selection.candidate({slice, tile * scan_tile + i}, scores ? double{scores[i]} + error : unbounded);
        }
    }

    static constexpr double unbounded = std::numeric_limits<double>::infinity();

    const State& state_;
    const Queries& queries_;
    const SearchOptions& options_;
    Allowed allowed_;
    TileScan tiles_;
    Index k_;
    float floor_;
    std::vector<Best> found_;
    std::mutex mutex_;
    std::deque<Floor> floors_;
};

}  // namespace

std::vector<Best> search(const State& state, const Queries& queries, Index k, float floor,
                         const SearchOptions& options) {
    return Search(state, queries, k, floor, options).run();
}

Index places_of_each(const State& state, Index rows, Index k, const char* option) {
    require_option(k >= 0, option, "0 or more");
    const Index most = std::min(k, state.size);
    require_option(most == 0 || rows <= std::numeric_limits<Index>::max() / 64 / most, option,
                   "fewer, for so many queries");
    return most;
}

Hits to_hits(const std::vector<Best>& best, Index k) {
    const std::size_t places = best.size() * static_cast<std::size_t>(k);
    Hits hits{k, std::vector<Id>(places, 0), std::vector<float>(places, -std::numeric_limits<float>::infinity()), {}};
    for (std::size_t q = 0; q < best.size(); ++q) {
        const std::vector<Ranked> all = best[q].sorted();
        for (std::size_t i = 0; i < all.size(); ++i) {
            hits.ids[q * static_cast<std::size_t>(k) + i] = all[i].id;
            hits.scores[q * static_cast<std::size_t>(k) + i] = all[i].score;
        }
        hits.count.push_back(static_cast<Index>(all.size()));
    }
    return hits;
}

}  // namespace kvmem::store
