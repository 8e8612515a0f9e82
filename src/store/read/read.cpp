#include "store/read/read.hpp"

#include "kvmem/core/error.hpp"
#include "store/read/distance_read.hpp"
#include "store/read/full_read.hpp"
#include "store/read/product_read.hpp"
#include "store/search/search.hpp"
#include "store/search/search_filter.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem::store {

Real weigh_hits(std::span<const float> scores, Real temperature, std::span<float> weights) {
    require_shape(weights.size() == scores.size(), "weigh_hits", "a weight for each score");
    if (scores.empty()) return no_score;
    const double max = double{scores[0]} / double{temperature};
    const auto relative_weight = [&](float score) { return std::exp(double{score} / double{temperature} - max); };
    double total = 0;
    for (const float score : scores) total += relative_weight(score);
    for (std::size_t i = 0; i < scores.size(); ++i) weights[i] = static_cast<float>(relative_weight(scores[i]) / total);
    return static_cast<Real>(max + std::log(total));
}

namespace {

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
        out_.log_sum_exp.fill(no_score);
        out_.hits.k = k_;
        out_.hits.ids.resize(places);
        out_.hits.scores.resize(places, no_score);
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
        const std::vector<TopK> found = search(snapshot_, prepared, k_, no_score, options_.search);
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
        for (Index i = 0; i < std::ssize(slots); ++i) set_place(row * k_ + i, slots[i]);
        const std::span<float> weights = std::span(out_.weights).subspan(row * k_, slots.size());
        out_.log_sum_exp(query, head) = weigh_hits(out_.hits.scores_of(row), options_.temperature, weights);
        for (std::size_t i = 0; i < slots.size(); ++i) {
            const float* value = snapshot_.segment(slots[i].location).value(slots[i].location.slot) + head * width_;
            Real* read = out_.values.row(query) + head * width_;
            for (Index e = 0; e < width_; ++e) read[e] += weights[i] * value[e];
        }
    }

    void set_place(Index place, const ScoredSlot& slot) {
        out_.hits.ids[place] = slot.id;
        out_.hits.scores[place] = slot.score;
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
    if (options.exact_sums) return read_all(snapshot, queries, options);
    if (store.metric == Similarity::euclidean && !is_near_origin(snapshot, queries, options.temperature))
        return read_by_distance(snapshot, queries, options);
    return read_by_products(snapshot, queries, options);
}

}  // namespace kvmem::store
