#include "store/read/read.hpp"

#include "kvmem/core/error.hpp"
#include "store/read/distance_read.hpp"
#include "store/search/allowed.hpp"
#include "store/search/search.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace kvmem::store {

using detail::scan_tile;

static constexpr Real minus_infinity = -std::numeric_limits<Real>::infinity();

namespace {

// The exact read by products: attend() over one slice after the other.
class ProductRead {
  public:
    ProductRead(const State& state, ConstView queries, const ReadOptions& options)
        : state_(state),
          queries_(queries),
          options_(options),
          inverse_(1 / options.temperature),
          allowed_(state, options.search) {}

    ReadResult run() {
        ReadResult all{
            Matrix(queries_.rows, state_.options.value_width), Matrix(queries_.rows, options_.heads), {}, {}, {}, {}};
        all.log_sum_exp.fill(minus_infinity);
        Matrix values(all.values.rows(), all.values.cols()), log_sum_exp(queries_.rows, options_.heads);
        for (std::size_t s = 0; s < state_.slices.size(); ++s) {
            const Slice& slice = state_.slices[s];
            // Cosine keys are copied to be scaled: not all of them at once.
            for (Index first = 0, step = is(Similarity::cosine) ? 65536 : slice.count; first < slice.count;
                 first += step) {
                attend_to(s, first, std::min(step, slice.count - first), {values, log_sum_exp});
                merge_outputs(all.values, all.log_sum_exp, values, log_sum_exp);
            }
        }
        // Scores lack the query's own square.
        if (is(Similarity::euclidean))
            for (Index q = 0; q < queries_.rows; ++q) {
                const double square = detail::scan().product(queries_.row(q), queries_.row(q), queries_.cols);
                all.log_sum_exp(q, 0) -= static_cast<Real>(square * static_cast<double>(inverse_));
            }
        return all;
    }

  private:
    bool is(Similarity metric) const { return state_.options.metric == metric; }

    // StoredSlots [first, first + count) of a slice; whole tiles, but for its last.
    void attend_to(std::size_t s, Index first, Index count, const AttendOutput& out) {
        const Slice& slice = state_.slices[s];
        const Part& part = *slice.part;
        const std::array<Index, 2> query_offsets{0, queries_.rows}, slot_offsets{0, count};
        AttendOptions options;
        options.heads = options_.heads;
        options.scale = is(Similarity::euclidean) ? 2 * inverse_ : inverse_;
        options.similarity = is(Similarity::cosine) ? Similarity::cosine : Similarity::dot;
        AttendInput in{queries_,
                       {part.keys.data() + first * queries_.cols, count, queries_.cols},
                       {part.values.data() + first * part.options.value_width, count, part.options.value_width}};
        if (is(Similarity::euclidean) || slice.dead || allowed_.has_rules()) {
            fill_biases(s, first, count);
            in.slot_bias = {biases_.data(), count, 1};
        }
        const ArenaScope scope(scratch_);
        attend(in, {query_offsets, slot_offsets}, options, out, scratch_);
    }

    void fill_biases(std::size_t s, Index first, Index count) {
        biases_.assign(static_cast<std::size_t>(count), minus_infinity);
        for (Index at = 0; at < count; at += scan_tile) {
            std::uint64_t slots = allowed_.passing(static_cast<Index>(s), (first + at) / scan_tile);
            for (; slots != 0; slots &= slots - 1) {
                const Index i = at + __builtin_ctzll(slots);
                biases_[static_cast<std::size_t>(i)] = is(Similarity::euclidean) ? bias_of(s, first + i) : 0;
            }
        }
    }
    // What the key's square takes from the score.
    Real bias_of(std::size_t s, Index slot) const {
        const Slice& slice = state_.slices[s];
        const float* key = slice.part->keys.data() + slot * queries_.cols;
        const double half_square = slot < slice.part->encoded(slice.count)
                                       ? -double{slice.part->bias[slot]}
                                       : detail::scan().product(key, key, queries_.cols) / 2;
        return static_cast<Real>(-2 * static_cast<double>(inverse_) * half_square);
    }

    const State& state_;
    ConstView queries_;
    const ReadOptions& options_;
    Real inverse_;
    Allowed allowed_;
    std::vector<Real> biases_;
    Arena scratch_;
};

}  // namespace

// One head's columns of a matrix with several.
static Matrix head_of(ConstView rows, Index head, Index heads) {
    const Index width = rows.cols / heads;
    Matrix part(rows.rows, width);
    for (Index i = 0; i < rows.rows; ++i) std::copy_n(rows.row(i) + head * width, width, part.row(i));
    return part;
}

static void copy_slot(const Part& part, Index slot, Index to, ReadResult& out) {
    const Index width = out.slot_keys.cols(), value_width = out.slot_values.cols();
    std::copy_n(part.keys.data() + slot * width, width, out.slot_keys.row(to));
    std::copy_n(part.values.data() + slot * value_width, value_width, out.slot_values.row(to));
}

// Softmax over the best k of each query, and what they hold.
static void read_best(const State& state, const std::vector<Best>& best, Index head, const ReadOptions& options,
                      ReadResult& out) {
    const Index width = state.options.value_width / options.heads;
    for (std::size_t q = 0; q < best.size(); ++q) {
        const std::vector<Ranked> slots = best[q].sorted();
        const std::size_t row = q * static_cast<std::size_t>(options.heads) + static_cast<std::size_t>(head);
        out.hits.count[row] = static_cast<Index>(slots.size());
        if (slots.empty()) continue;
        const double temperature = options.temperature, top = double{slots[0].score} / temperature;
        double total = 0;
        for (const Ranked& slot : slots) total += std::exp(double{slot.score} / temperature - top);
        out.log_sum_exp(static_cast<Index>(q), head) = static_cast<Real>(top + std::log(total));
        Real* read = out.values.row(static_cast<Index>(q)) + head * width;
        for (std::size_t i = 0; i < slots.size(); ++i) {
            const std::size_t at = row * static_cast<std::size_t>(out.hits.k) + i;
            const auto weight = static_cast<Real>(std::exp(double{slots[i].score} / temperature - top) / total);
            out.hits.ids[at] = slots[i].id;
            out.hits.scores[at] = slots[i].score;
            out.weights[at] = weight;
            const Part& part = *state.slices[static_cast<std::size_t>(slots[i].place.slice)].part;
            const float* value = part.values.data() + slots[i].place.slot * state.options.value_width + head * width;
            for (Index e = 0; e < width; ++e) read[e] += weight * value[e];
            if (options.copy_slots) copy_slot(part, slots[i].place.slot, static_cast<Index>(at), out);
        }
    }
}

static ReadResult read_top(const State& state, ConstView queries, const ReadOptions& options) {
    const Index k = places_of_each(state, queries.rows * options.heads, options.top_k, "top_k");
    const auto rows = static_cast<std::size_t>(queries.rows * options.heads),
               places = rows * static_cast<std::size_t>(k);
    ReadResult out{Matrix(queries.rows, state.options.value_width),
                   Matrix(queries.rows, options.heads),
                   {k, std::vector<Id>(places), std::vector<float>(places, minus_infinity), std::vector<Index>(rows)},
                   std::vector<float>(places),
                   {},
                   {}};
    out.log_sum_exp.fill(minus_infinity);
    if (options.copy_slots) {
        out.slot_keys = Matrix(static_cast<Index>(places), state.options.key_width);
        out.slot_values = Matrix(static_cast<Index>(places), state.options.value_width);
    }
    for (Index head = 0; head < options.heads; ++head) {
        const Matrix part = head_of(queries, head, options.heads);
        const Queries prepared =
            options.heads == 1 ? Queries(part, state.options) : Queries(part, state.options, head * part.cols());
        read_best(state, search(state, prepared, k, minus_infinity, options.search), head, options, out);
    }
    return out;
}

ReadResult read(const State& state, ConstView queries, const ReadOptions& options) {
    const StoreOptions& store = state.options;
    require_shape(queries.cols == store.key_width, "memory store", "queries as wide as the keys");
    require_shape(store.value_width > 0, "memory store", "value vectors to read");
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
    require_numbers(queries, "queries");
    if (options.top_k > 0) return read_top(state, queries, options);
    if (store.metric == Similarity::euclidean && !is_near_origin(state, queries, options.temperature))
        return read_by_distance(state, queries, options);
    return ProductRead(state, queries, options).run();
}

}  // namespace kvmem::store
