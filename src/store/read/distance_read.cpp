#include "store/read/distance_read.hpp"

#include "kvmem/core/parallel.hpp"
#include "store/search/allowed.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kvmem::store {

using detail::scan_tile;

static constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

static double norm_of(const float* row, Index width) { return std::sqrt(detail::scan().product(row, row, width)); }

bool is_near_origin(const State& state, ConstView queries, Real temperature) {
    double key = 0, query = 0;
    for (const Slice& slice : state.slices) {
        const Part& part = *slice.part;
        const Index encoded = part.encoded(slice.count);
        for (Index tile = 0; tile * scan_tile < encoded; ++tile) key = std::max(key, double{part.bounds[tile].norm});
        for (Index slot = encoded; slot < slice.count; ++slot)
            key = std::max(key, norm_of(part.keys.data() + slot * queries.cols, queries.cols));
    }
    for (Index q = 0; q < queries.rows; ++q) query = std::max(query, norm_of(queries.row(q), queries.cols));
    return (key + query) * (key + query) <= 4096 * double{temperature};
}

namespace {

// The softmax read of some slots: sums of weights relative to the best score among them.
struct Sum {
    explicit Sum(Index width) : values(static_cast<std::size_t>(width)) {}

    void rise_to(double score) {
        const double less = std::exp(best - score);
        total *= less;
        for (double& x : values) x *= less;
        best = score;
    }
    // All scores of one call are at most `best`.
    void take(double score, const float* value) {
        // What 2^32 slots of such weights are is nothing.
        if (!(score > best - 64)) return;
        const double weight = std::exp(score - best);
        total += weight;
        for (std::size_t e = 0; e < values.size(); ++e) values[e] += weight * double{value[e]};
    }
    void merge(const Sum& other) {
        if (other.best == minus_infinity) return;
        if (other.best > best) rise_to(other.best);
        const double share = std::exp(other.best - best);
        total += share * other.total;
        for (std::size_t e = 0; e < values.size(); ++e) values[e] += share * other.values[e];
    }

    double best = minus_infinity, total = 0;
    std::vector<double> values;
};

class DistanceRead {
  public:
    DistanceRead(const State& state, ConstView queries, const ReadOptions& options)
        : state_(state), queries_(queries), inverse_(1 / double{options.temperature}) {
        const Allowed allowed(state, options.search);
        for (std::size_t s = 0; s < state.slices.size(); ++s)
            for (Index tile = 0; tile < state.slices[s].tiles(); ++tile)
                tiles_.push_back({static_cast<Index>(s), tile, allowed.passing(static_cast<Index>(s), tile)});
    }

    ReadResult run() const {
        // Few queries are cut into tasks over tiles; many are tasks enough.
        const Index tiles = static_cast<Index>(tiles_.size());
        const Index most = 64 / std::max<Index>(1, queries_.rows);
        const Index length = tiles / std::clamp<Index>(most, 1, 1 + tiles / 16) + 1, parts = tiles / length + 1;
        std::vector<Sum> sums(static_cast<std::size_t>(queries_.rows * parts), Sum(state_.options.value_width));
        parallel_for(queries_.rows * parts, 1, [&](Index from, Index to) {
            for (Index task = from; task < to; ++task) {
                const Index first = task % parts * length;
                read_tiles(task / parts, first, std::min(first + length, tiles), sums[static_cast<std::size_t>(task)]);
            }
        });
        ReadResult all{Matrix(queries_.rows, state_.options.value_width), Matrix(queries_.rows, 1), {}, {}, {}, {}};
        for (Index q = 0; q < queries_.rows; ++q) {
            Sum& sum = sums[static_cast<std::size_t>(q * parts)];
            for (Index part = 1; part < parts; ++part) sum.merge(sums[static_cast<std::size_t>(q * parts + part)]);
            all.log_sum_exp(q, 0) = static_cast<Real>(sum.best + std::log(sum.total));
            if (sum.total > 0)
                std::transform(sum.values.begin(), sum.values.end(), all.values.row(q),
                               [&](double x) { return static_cast<Real>(x / sum.total); });
        }
        return all;
    }

  private:
    struct Tile {
        Index slice, tile;
        std::uint64_t slots;  // a bit for each that may be read
    };

    void read_tiles(Index query, Index first, Index end, Sum& sum) const {
        for (Index i = first; i < end; ++i) {
            const Tile& tile = tiles_[static_cast<std::size_t>(i)];
            const Part& part = *state_.slices[static_cast<std::size_t>(tile.slice)].part;
            const Index slot = tile.tile * scan_tile, width = queries_.cols;
            double scores[scan_tile], best = minus_infinity;
            for (std::uint64_t rest = tile.slots; rest != 0; rest &= rest - 1) {
                const int at = __builtin_ctzll(rest);
                const float* key = part.keys.data() + (slot + at) * width;
                scores[at] = -detail::scan().square_distance(queries_.row(query), key, width) * inverse_;
                best = std::max(best, scores[at]);
            }
            if (best > sum.best) sum.rise_to(best);
            for (std::uint64_t rest = tile.slots; rest != 0; rest &= rest - 1) {
                const int at = __builtin_ctzll(rest);
                sum.take(scores[at], part.values.data() + (slot + at) * state_.options.value_width);
            }
        }
    }

    const State& state_;
    ConstView queries_;
    double inverse_;
    std::vector<Tile> tiles_;  // of all slices
};

}  // namespace

ReadResult read_by_distance(const State& state, ConstView queries, const ReadOptions& options) {
    return DistanceRead(state, queries, options).run();
}

}  // namespace kvmem::store
