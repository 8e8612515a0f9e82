#include "store/read/product_read.hpp"

#include "kvmem/kernels/attend.hpp"
#include "store/search/search_filter.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace kvmem::store {

using detail::scan_tile;

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
        all.log_sum_exp.fill(no_score);
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
        biases_.assign(count, no_score);
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

}  // namespace

ReadResult read_by_products(const Snapshot& snapshot, ConstView queries, const ReadOptions& options) {
    return ProductRead(snapshot, queries, options).run();
}

}  // namespace kvmem::store
