#include "store/read/distance_read.hpp"

#include "kvmem/core/parallel.hpp"
#include "store/search/search_filter.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem::store {

using detail::scan_tile;

static double norm_of(const float* row, Index width) { return std::sqrt(detail::scan().product(row, row, width)); }

bool is_near_origin(const Snapshot& snapshot, ConstView queries, Real temperature) {
    double key = 0, query = 0;
    for (const SegmentView& view : snapshot.segments) {
        const Segment& segment = *view.segment;
        const Index encoded = segment.encoded_count(view.count);
        for (Index tile = 0; tile * scan_tile < encoded; ++tile) key = std::max(key, double{segment.bounds[tile].norm});
        for (Index slot = encoded; slot < view.count; ++slot)
            key = std::max(key, norm_of(segment.key(slot), queries.cols));
    }
    for (Index q = 0; q < queries.rows; ++q) query = std::max(query, norm_of(queries.row(q), queries.cols));
    return (key + query) * (key + query) <= 4096 * double{temperature};
}

namespace {

// A softmax over the slots that were added so far, by the online recurrence (Milakov and Gimelshein 2018): weights are
// relative to the best score, and sums are rescaled when it rises.
struct OnlineSoftmax {
    explicit OnlineSoftmax(Index width) : values(width) {}

    void raise_to(double score) {
        const double factor = std::exp(best - score);
        total *= factor;
        for (double& x : values) x *= factor;
        best = score;
    }
    // The score is at most `best`.
    void add(double score, const float* value) {
        // Smaller weights vanish: 2^32 of them sum to less than a float's rounding of the result.
        if (!(score > best - 64)) return;
        const double weight = std::exp(score - best);
        total += weight;
        for (std::size_t e = 0; e < values.size(); ++e) values[e] += weight * double{value[e]};
    }
    void merge(const OnlineSoftmax& other) {
        if (other.best == no_score) return;
        if (other.best > best) raise_to(other.best);
        const double factor = std::exp(other.best - best);
        total += factor * other.total;
        for (std::size_t e = 0; e < values.size(); ++e) values[e] += factor * other.values[e];
    }

    double best = no_score, total = 0;
    std::vector<double> values;
};

class DistanceRead {
  public:
    DistanceRead(const Snapshot& snapshot, ConstView queries, const ReadOptions& options)
        : snapshot_(snapshot), queries_(queries), inverse_temperature_(1 / double{options.temperature}) {
        const SearchFilter filter(snapshot, options.search);
        for (Index s = 0; s < std::ssize(snapshot.segments); ++s)
            for (Index tile = 0; tile < snapshot.segments[s].tiles(); ++tile)
                tiles_.push_back({s, tile, filter.passing(s, tile)});
    }

    // Bit-reproducible on any number of threads: the splits depend on the sizes alone and are merged in their order.
    ReadResult run() const {
        const Index tiles = std::ssize(tiles_), length = split_length(), splits = tiles / length + 1;
        std::vector<OnlineSoftmax> sums(queries_.rows * splits, OnlineSoftmax(snapshot_.options.value_width));
        parallel_for(queries_.rows * splits, 1, [&](Index from, Index to) {
            for (Index task = from; task < to; ++task) {
                const Index first = task % splits * length;
                add_tiles(task / splits, first, std::min(first + length, tiles), sums[task]);
            }
        });
        ReadResult all{Matrix(queries_.rows, snapshot_.options.value_width), Matrix(queries_.rows, 1), {}, {}, {}, {}};
        for (Index q = 0; q < queries_.rows; ++q) {
            OnlineSoftmax& sum = sums[q * splits];
            for (Index split = 1; split < splits; ++split) sum.merge(sums[q * splits + split]);
            all.log_sum_exp(q, 0) = static_cast<Real>(sum.best + std::log(sum.total));
            if (sum.total > 0)
                std::transform(sum.values.begin(), sum.values.end(), all.values.row(q),
                               [&](double x) { return static_cast<Real>(x / sum.total); });
        }
        return all;
    }

  private:
    struct Tile {
        Index segment, tile;
        std::uint64_t slots;  // a bit for each slot that may be read
    };

    // Few queries are split over the tiles; many queries are tasks enough.
    Index split_length() const {
        const Index tiles = std::ssize(tiles_), wanted = 64 / std::max<Index>(1, queries_.rows);
        return tiles / std::clamp<Index>(wanted, 1, 1 + tiles / 16) + 1;
    }

    void add_tiles(Index query, Index first, Index end, OnlineSoftmax& sum) const {
        for (Index i = first; i < end; ++i) {
            const Tile& tile = tiles_[i];
            const Segment& segment = *snapshot_.segments[tile.segment].segment;
            const Index slot = tile.tile * scan_tile;
            double scores[scan_tile], best = no_score;
            for (std::uint64_t rest = tile.slots; rest != 0; rest &= rest - 1) {
                const int at = __builtin_ctzll(rest);
                scores[at] = score(query, segment.key(slot + at));
                best = std::max(best, scores[at]);
            }
            if (best > sum.best) sum.raise_to(best);
            for (std::uint64_t rest = tile.slots; rest != 0; rest &= rest - 1) {
                const int at = __builtin_ctzll(rest);
                sum.add(scores[at], segment.value(slot + at));
            }
        }
    }
    double score(Index query, const float* key) const {
        return -detail::scan().square_distance(queries_.row(query), key, queries_.cols) * inverse_temperature_;
    }

    const Snapshot& snapshot_;
    ConstView queries_;
    double inverse_temperature_;
    std::vector<Tile> tiles_;  // of all segments
};

}  // namespace

ReadResult read_by_distance(const Snapshot& snapshot, ConstView queries, const ReadOptions& options) {
    return DistanceRead(snapshot, queries, options).run();
}

}  // namespace kvmem::store
