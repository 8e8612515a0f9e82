#include "store/read/read.hpp"

#include "kvmem/core/error.hpp"
#include "store/read/distance_read.hpp"
#include "store/search/search.hpp"
#include "store/search/search_filter.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace kvmem::store {

using detail::scan_tile;

static constexpr Real minus_infinity = -std::numeric_limits<Real>::infinity();

namespace {

// Attention over all slots by products: attend() over one segment after the other, merged by their log-sum-exp.
class ProductRead {
  public:
    ProductRead(const Snapshot& snapshot, ConstView queries, const ReadOptions& options)
        : snapshot_(snapshot),
          queries_(queries),
          options_(options),
          inverse_temperature_(1 / options.temperature),
          filter_(snapshot, options.search) {}

    ReadResult run() {
        ReadResult all{Matrix(queries_.rows, snapshot_.options.value_width),
                       Matrix(queries_.rows, options_.heads),
                       {},
                       {},
                       {},
                       {}};
        all.log_sum_exp.fill(minus_infinity);
        Matrix values(all.values.rows(), all.values.cols()), log_sum_exp(queries_.rows, options_.heads);
        for (Index s = 0; s < std::ssize(snapshot_.segments); ++s) {
            const Index count = snapshot_.segments[s].count;
            // attend() copies cosine keys to scale them; blocks bound the memory of the copies.
            const Index step = is(Similarity::cosine) ? 65536 : count;
            for (Index first = 0; first < count; first += step) {
                attend_to(s, first, std::min(step, count - first), {values, log_sum_exp});
                merge_outputs(all.values, all.log_sum_exp, values, log_sum_exp);
            }
        }
        if (is(Similarity::euclidean)) subtract_query_squares(all.log_sum_exp);
        return all;
    }

  private:
    bool is(Similarity metric) const { return snapshot_.options.metric == metric; }

    // Reads slots [first, first + count) of a segment: whole tiles, except for its last one.
    void attend_to(Index s, Index first, Index count, const AttendOutput& out) {
        const SegmentView& view = snapshot_.segments[s];
        const Segment& segment = *view.segment;
        const std::array<Index, 2> query_offsets{0, queries_.rows}, slot_offsets{0, count};
        AttendOptions options;
        options.heads = options_.heads;
        options.scale = is(Similarity::euclidean) ? 2 * inverse_temperature_ : inverse_temperature_;
        options.similarity = is(Similarity::cosine) ? Similarity::cosine : Similarity::dot;
        AttendInput in{queries_,
                       {segment.key(first), count, queries_.cols},
                       {segment.value(first), count, segment.options.value_width}};
        if (is(Similarity::euclidean) || view.deleted || filter_.has_rules()) {
            fill_biases(s, first, count);
            in.slot_bias = {biases_.data(), count, 1};
        }
        const ArenaScope scope(scratch_);
        attend(in, {query_offsets, slot_offsets}, options, out, scratch_);
    }

    // A bias of -inf masks a slot. The Euclidean score adds minus the key's square to twice the product.
    void fill_biases(Index s, Index first, Index count) {
        biases_.assign(count, minus_infinity);
        for (Index at = 0; at < count; at += scan_tile) {
            std::uint64_t slots = filter_.passing(s, (first + at) / scan_tile);
            for (; slots != 0; slots &= slots - 1) {
                const Index i = at + __builtin_ctzll(slots);
                biases_[i] = is(Similarity::euclidean) ? euclidean_bias(s, first + i) : 0;
            }
        }
    }
    Real euclidean_bias(Index s, Index slot) const {
        const SegmentView& view = snapshot_.segments[s];
        const float* key = view.segment->key(slot);
        const double half_square = slot < view.segment->encoded_count(view.count)
                                       ? -double{view.segment->bias[slot]}
                                       : detail::scan().product(key, key, queries_.cols) / 2;
        return static_cast<Real>(-2 * static_cast<double>(inverse_temperature_) * half_square);
    }
    // The query's square is the same for all slots: softmax does not need it, and the log-sum-exp does.
    void subtract_query_squares(View log_sum_exp) const {
        for (Index q = 0; q < queries_.rows; ++q) {
            const double square = detail::scan().product(queries_.row(q), queries_.row(q), queries_.cols);
            log_sum_exp(q, 0) -= static_cast<Real>(square * static_cast<double>(inverse_temperature_));
        }
    }

    const Snapshot& snapshot_;
    ConstView queries_;
    const ReadOptions& options_;
    Real inverse_temperature_;
    SearchFilter filter_;
    std::vector<Real> biases_;
    Arena scratch_;
};

// Attention over the best k slots of each query and head: a search, and a softmax over its hits.
class TopKRead {
  public:
    TopKRead(const Snapshot& snapshot, ConstView queries, const ReadOptions& options)
        : snapshot_(snapshot),
          queries_(queries),
          options_(options),
          k_(places_of_each(snapshot, queries.rows * options.heads, options.top_k, "top_k")),
          width_(snapshot.options.value_width / options.heads) {}

    ReadResult run() {
        const Index rows = queries_.rows * options_.heads, places = rows * k_;
        out_.values = Matrix(queries_.rows, snapshot_.options.value_width);
        out_.log_sum_exp = Matrix(queries_.rows, options_.heads);
        out_.log_sum_exp.fill(minus_infinity);
        out_.hits.k = k_;
        out_.hits.ids.resize(places);
        out_.hits.scores.resize(places, minus_infinity);
        out_.hits.count.resize(rows);
        out_.weights.resize(places);
        if (options_.copy_slots) {
            out_.slot_keys = Matrix(places, snapshot_.options.key_width);
            out_.slot_values = Matrix(places, snapshot_.options.value_width);
        }
        for (Index head = 0; head < options_.heads; ++head) read_head(head);
        return std::move(out_);
    }

  private:
    void read_head(Index head) {
        const Matrix columns = columns_of(head);
        const Queries prepared = options_.heads == 1 ? Queries(columns, snapshot_.options)
                                                     : Queries(columns, snapshot_.options, head * columns.cols());
        const std::vector<TopK> found = search(snapshot_, prepared, k_, minus_infinity, options_.search);
        for (Index q = 0; q < queries_.rows; ++q) read_slots(q, head, found[q].sorted());
    }

    Matrix columns_of(Index head) const {
        const Index width = queries_.cols / options_.heads;
        Matrix columns(queries_.rows, width);
        for (Index i = 0; i < queries_.rows; ++i) std::copy_n(queries_.row(i) + head * width, width, columns.row(i));
        return columns;
    }

    void read_slots(Index query, Index head, const std::vector<ScoredSlot>& slots) {
        const Index row = query * options_.heads + head;
        out_.hits.count[row] = std::ssize(slots);
        if (slots.empty()) return;
        const double temperature = options_.temperature, max = double{slots[0].score} / temperature;
        const auto relative_weight = [&](const ScoredSlot& slot) {
            return std::exp(double{slot.score} / temperature - max);
        };
        double total = 0;
        for (const ScoredSlot& slot : slots) total += relative_weight(slot);
        out_.log_sum_exp(query, head) = static_cast<Real>(max + std::log(total));
        for (Index i = 0; i < std::ssize(slots); ++i) {
            const auto weight = static_cast<Real>(relative_weight(slots[i]) / total);
            const float* value = snapshot_.segment(slots[i].location).value(slots[i].location.slot) + head * width_;
            Real* read = out_.values.row(query) + head * width_;
            for (Index e = 0; e < width_; ++e) read[e] += weight * value[e];
            set_place(row * k_ + i, slots[i], weight);
        }
    }

    void set_place(Index place, const ScoredSlot& slot, Real weight) {
        out_.hits.ids[place] = slot.id;
        out_.hits.scores[place] = slot.score;
        out_.weights[place] = weight;
        if (!options_.copy_slots) return;
        const Segment& segment = snapshot_.segment(slot.location);
        std::copy_n(segment.key(slot.location.slot), out_.slot_keys.cols(), out_.slot_keys.row(place));
        std::copy_n(segment.value(slot.location.slot), out_.slot_values.cols(), out_.slot_values.row(place));
    }

    const Snapshot& snapshot_;
    ConstView queries_;
    const ReadOptions& options_;
    Index k_, width_;  // width_: of a head's values
    ReadResult out_;
};

}  // namespace

static void check_options(const StoreOptions& store, const ReadOptions& options) {
    require_option(
        options.temperature > 0 && std::isfinite(options.temperature) && std::isfinite(1 / options.temperature),
        "temperature", "above 0");
    require_option(options.heads >= 1 && store.key_width % options.heads == 0 && store.value_width % options.heads == 0,
                   "heads", "a number that divides the widths of keys and values");
    require_option(options.heads == 1 || store.metric == Similarity::dot, "heads", "1, unless the metric is dot");
    require_option(options.top_k >= 0, "top_k", "0 or more");
    require_option(!options.copy_slots || options.top_k > 0, "copy_slots", "false, unless the best k are read");
    require_option(options.search.probes == 0 || (options.top_k > 0 && options.heads == 1), "probes",
                   "0, unless the best k are read by one head");
}

ReadResult read(const Snapshot& snapshot, ConstView queries, const ReadOptions& options) {
    const StoreOptions& store = snapshot.options;
    require_shape(queries.cols == store.key_width, "memory store", "queries as wide as the keys");
    require_shape(store.value_width > 0, "memory store", "value vectors to read");
    check_options(store, options);
    require_valid(queries, "queries");
    if (options.top_k > 0) return TopKRead(snapshot, queries, options).run();
    if (store.metric == Similarity::euclidean && !is_near_origin(snapshot, queries, options.temperature))
        return read_by_distance(snapshot, queries, options);
    return ProductRead(snapshot, queries, options).run();
}

}  // namespace kvmem::store
