#include "store/read/full_read.hpp"

#include "kvmem/core/parallel.hpp"
#include "store/search/search_filter.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>

namespace kvmem::store {

using detail::scan_tile;

namespace {

__extension__ using Wide = __int128;

// A weight of 1 in whole numbers. Smaller weights than e^-38 are none.
constexpr int weight_bits = 51;
constexpr double min_power = -38;
// A task's tiles: their sums of 2,048 whole numbers of weight_bits fit 64 bits.
constexpr Index tiles_at_once = 32;
constexpr Index rows_at_once = 16;

// A tile with a bit for each slot that is read.
struct Tile {
    const Segment* segment;
    Index first_slot;
    std::uint64_t slots;
};

std::vector<Tile> tiles_of(const Snapshot& snapshot, const SearchOptions& options) {
    const SearchFilter filter(snapshot, options);
    std::vector<Tile> tiles;
    for (Index s = 0; s < std::ssize(snapshot.segments); ++s)
        for (Index tile = 0; tile < snapshot.segments[s].tiles(); ++tile)
            if (const std::uint64_t slots = filter.passing(s, tile))
                tiles.push_back({snapshot.segments[s].segment.get(), tile * scan_tile, slots});
    return tiles;
}

template <class Visit>
void for_each_slot(const Tile& tile, Visit visit) {
    for (std::uint64_t rest = tile.slots; rest != 0; rest &= rest - 1) visit(Index{__builtin_ctzll(rest)});
}

// The read of some rows, each a query's head, in three passes over all tiles: scores, weights and sums.
class RowsRead {
  public:
    RowsRead(std::span<const Tile> tiles, const StoreOptions& store, ConstView queries, const ReadOptions& options,
             Index first, Index count)
        : tiles_(tiles),
          metric_(store.metric),
          queries_(queries),
          heads_(options.heads),
          width_(store.key_width / options.heads),
          value_width_(store.value_width / options.heads),
          inverse_temperature_(1 / double{options.temperature}),
          first_(first),
          count_(count),
          numbers_(std::ssize(tiles) * count * scan_tile, no_score),
          rows_(count),
          sums_(count * (value_width_ + 1)),
          maxima_(count * value_width_) {}

    void run(ReadResult& out) {
        for (Index row = 0; row < count_; ++row) rows_[row].norm = norm_of(query(row));
        for_each_task(&RowsRead::score);
        for_each_task(&RowsRead::weigh);
        for_each_task(&RowsRead::add);
        for (Index row = 0; row < count_; ++row) write(row, out);
    }

  private:
    struct Row {
        double norm = 0, best = no_score;
    };

    // The pass is called with ranges of tiles and of rows.
    void for_each_task(void (RowsRead::*pass)(Index, Index, Index, Index)) {
        const Index tiles = std::ssize(tiles_), groups = (count_ + rows_at_once - 1) / rows_at_once;
        const Index blocks = (tiles + tiles_at_once - 1) / tiles_at_once;
        parallel_for(blocks * groups, 1, [&](Index from, Index to) {
            for (Index task = from; task < to; ++task) {
                const Index tile = task / groups * tiles_at_once, row = task % groups * rows_at_once;
                (this->*pass)(tile, std::min(tile + tiles_at_once, tiles), row, std::min(row + rows_at_once, count_));
            }
        });
    }

    Index head(Index row) const { return (first_ + row) % heads_; }
    const float* query(Index row) const { return queries_.row((first_ + row) / heads_) + head(row) * width_; }
    const float* key(const Tile& tile, Index i, Index row) const {
        return tile.segment->key(tile.first_slot + i) + head(row) * width_;
    }
    const float* value(const Tile& tile, Index i, Index row) const {
        return tile.segment->value(tile.first_slot + i) + head(row) * value_width_;
    }
    // Scores of a tile [64], and weights in their place after the second pass.
    double* numbers(Index tile, Index row) { return numbers_.data() + (tile * count_ + row) * scan_tile; }
    double norm_of(const float* x) const {
        return metric_ == Similarity::cosine ? std::sqrt(detail::scan().product(x, x, width_)) : 0;
    }

    double score_of(Index row, const float* key, double key_norm) const {
        if (metric_ == Similarity::euclidean) return -detail::scan().square_distance(query(row), key, width_);
        const double product = detail::scan().product(query(row), key, width_);
        if (metric_ == Similarity::dot) return product;
        const double norms = rows_[row].norm * key_norm;
        return norms > 0 ? product / norms : 0;
    }

    void score(Index first_tile, Index end_tile, Index first_row, Index end_row) {
        double best[rows_at_once];
        std::fill_n(best, rows_at_once, no_score);
        for (Index t = first_tile; t < end_tile; ++t)
            for_each_slot(tiles_[t], [&](Index i) {
                const double norm = norm_of(key(tiles_[t], i, 0));
                for (Index row = first_row; row < end_row; ++row) {
                    const double score = score_of(row, key(tiles_[t], i, row), norm);
                    numbers(t, row)[i] = score;
                    best[row - first_row] = std::max(best[row - first_row], score);
                }
            });
        const std::lock_guard lock(mutex_);
        for (Index row = first_row; row < end_row; ++row)
            rows_[row].best = std::max(rows_[row].best, best[row - first_row]);
    }

    void weigh(Index first_tile, Index end_tile, Index first_row, Index end_row) {
        std::vector<double> maxima(value_width_);
        for (Index row = first_row; row < end_row; ++row) {
            std::ranges::fill(maxima, 0);
            for (Index t = first_tile; t < end_tile; ++t)
                for_each_slot(tiles_[t], [&](Index i) {
                    double& number = numbers(t, row)[i];
                    const double power = (number - rows_[row].best) * inverse_temperature_;
                    number = power > min_power ? std::exp(power) : 0;
                    if (number > 0)
                        detail::scan().max_products(number, value(tiles_[t], i, row), value_width_, maxima.data());
                });
            const std::lock_guard lock(mutex_);
            double* all = maxima_.data() + row * value_width_;
            for (Index e = 0; e < value_width_; ++e) all[e] = std::max(all[e], maxima[e]);
        }
    }

    // The exponent of a power of two above all weighted values of a row's column.
    int exponent(Index row, Index e) const {
        int exponent = 0;
        std::frexp(maxima_[row * value_width_ + e], &exponent);
        return exponent;
    }

    void add(Index first_tile, Index end_tile, Index first_row, Index end_row) {
        std::vector<std::int64_t> sums(value_width_ + 1);
        std::vector<double> units(value_width_);
        for (Index row = first_row; row < end_row; ++row) {
            for (Index e = 0; e < value_width_; ++e) units[e] = std::ldexp(1, weight_bits - exponent(row, e));
            std::ranges::fill(sums, 0);
            for (Index t = first_tile; t < end_tile; ++t)
                for_each_slot(tiles_[t], [&](Index i) {
                    const double weight = numbers(t, row)[i];
                    if (weight == 0) return;
                    detail::scan().add_whole(weight, value(tiles_[t], i, row), units.data(), value_width_, sums.data());
                    sums[value_width_] += static_cast<std::int64_t>(weight * 0x1p51);
                });
            const std::lock_guard lock(mutex_);
            for (Index e = 0; e <= value_width_; ++e) sums_[row * (value_width_ + 1) + e] += sums[e];
        }
    }

    void write(Index row, ReadResult& out) const {
        const Index query = (first_ + row) / heads_;
        const Wide* sums = sums_.data() + row * (value_width_ + 1);
        const double total = std::ldexp(static_cast<double>(sums[value_width_]), -weight_bits);
        out.log_sum_exp(query, head(row)) = static_cast<Real>(rows_[row].best * inverse_temperature_ + std::log(total));
        if (total == 0) return;
        Real* values = out.values.row(query) + head(row) * value_width_;
        for (Index e = 0; e < value_width_; ++e)
            values[e] = std::isfinite(maxima_[row * value_width_ + e])
                            ? static_cast<Real>(
                                  std::ldexp(static_cast<double>(sums[e]), exponent(row, e) - weight_bits) / total)
                            : std::numeric_limits<Real>::quiet_NaN();  // of a mapped file with such a value
    }

    std::span<const Tile> tiles_;
    Similarity metric_;
    ConstView queries_;
    Index heads_, width_, value_width_;
    double inverse_temperature_;
    Index first_, count_;
    std::vector<double> numbers_;
    std::vector<Row> rows_;
    std::vector<Wide> sums_;      // of values and, last, of weights
    std::vector<double> maxima_;  // of each row's weighted values, by column
    std::mutex mutex_;            // of rows_, sums_ and maxima_
};

}  // namespace

ReadResult read_all(const Snapshot& snapshot, ConstView queries, const ReadOptions& options) {
    constexpr Index max_numbers = Index{1} << 22, max_sums = Index{1} << 20;  // bound the memory of scores and sums
    const std::vector<Tile> tiles = tiles_of(snapshot, options.search);
    const Index value_width = snapshot.options.value_width, rows = queries.rows * options.heads;
    const Index count = std::max<Index>(
        1, std::min(max_numbers / (std::ssize(tiles) * scan_tile + 1), max_sums / (value_width / options.heads + 1)));
    ReadResult out{Matrix(queries.rows, value_width), Matrix(queries.rows, options.heads), {}, {}, {}, {}};
    for (Index row = 0; row < rows; row += count)
        RowsRead(tiles, snapshot.options, queries, options, row, std::min(count, rows - row)).run(out);
    return out;
}

}  // namespace kvmem::store
