#include "kernels/attend/call.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace kvmem {

OwnedSegments Segments::all(Index queries, Index slots) { return {{0, queries}, {0, slots}}; }

OwnedSegments Segments::one_query_each(std::span<const Index> slot_offsets) {
    OwnedSegments segments{std::vector<Index>(slot_offsets.size()), {slot_offsets.begin(), slot_offsets.end()}};
    std::iota(segments.query_offsets.begin(), segments.query_offsets.end(), Index{0});
    return segments;
}

OwnedSegments Segments::self(std::span<const Index> offsets) {
    return {{offsets.begin(), offsets.end()}, {offsets.begin(), offsets.end()}};
}

static bool covers(std::span<const Index> offsets, Index rows) {
    return !offsets.empty() && offsets.front() == 0 && offsets.back() == rows &&
           std::is_sorted(offsets.begin(), offsets.end());
}

static void check_segments(const Segments& segments, Index queries, Index slots) {
    require_shape(segments.query_offsets.size() == segments.slot_offsets.size() &&
                      covers(segments.query_offsets, queries) && covers(segments.slot_offsets, slots),
                  "attend", "segments that rise from 0 to the number of queries and of slots");
}

static void check_options(const AttendOptions& options) {
    const Index heads = options.heads;
    require_shape(options.similarity >= Similarity::dot && options.similarity <= Similarity::additive, "attend",
                  "a similarity of the enumeration");
    require_shape(options.normalizer >= Normalizer::softmax && options.normalizer <= Normalizer::none, "attend",
                  "a normalizer of the enumeration");
    require_shape(heads > 0 && options.key_heads >= 0 && heads % options.memory_heads() == 0, "attend",
                  "heads, and key heads that divide them");
    require_shape(options.normalizer != Normalizer::top_k || options.top_k > 0, "attend", "a top_k of 1 or more");
    require_shape(options.normalizer != Normalizer::none || options.similarity != Similarity::euclidean, "attend",
                  "a normalizer with Euclidean similarity");
    require_shape(options.window >= 0, "attend", "a window of 0 (none) or more slots");
    require_shape(options.slopes.empty() || static_cast<Index>(options.slopes.size()) == heads, "attend",
                  "a slope for each head");
    require_shape(options.alignment == CausalAlignment::ends || options.alignment == CausalAlignment::starts, "attend",
                  "an alignment of the enumeration");
    require_shape(options.softcap == 0 || (options.softcap > 0 && options.similarity == Similarity::dot), "attend",
                  "a softcap of 0 (none) or more, with dot products");
    require_shape(options.dropout >= 0 && options.dropout < 1, "attend", "a dropout from 0 to below 1");
}

static void check_numbers(const AttendInput& in) {
    const auto is_view = [](ConstView x) { return x.rows >= 0 && x.cols >= 0 && (x.data || x.empty()); };
    require_shape(is_view(in.query) && is_view(in.key) && is_view(in.value) && is_view(in.slot_bias) &&
                      is_view(in.pair_bias) && is_view(in.distance_bias) && is_view(in.direction),
                  "attend", "views of numbers");
}

static void check_distances(const AttendInput& in, const Segments& segments, Index heads) {
    if (in.distance_bias.empty()) return;
    Index farthest = 0;
    for (Index i = 0; i < segments.size(); ++i) {
        const Index queries = segments.query_offsets[i + 1] - segments.query_offsets[i];
        const Index slots = segments.slot_offsets[i + 1] - segments.slot_offsets[i];
        if (queries > 0) farthest = std::max({farthest, queries - 1, slots - 1});
    }
    require_shape(in.distance_bias.cols == heads && in.distance_bias.rows % 2 == 1 &&
                      in.distance_bias.rows / 2 >= farthest && in.pair_bias.empty(),
                  "attend", "biases [2R + 1, H] of all distances up to R, and none of pairs");
}

void check_attend(const AttendInput& in, const Segments& segments, const AttendOptions& options) {
    check_options(options);
    check_numbers(in);
    const Index heads = options.heads, groups = options.memory_heads();
    require_shape(in.query.cols % heads == 0 && in.key.cols % groups == 0 && in.value.cols % groups == 0, "attend",
                  "widths that the number of heads divides");
    require_shape(in.query.cols / heads == in.key.cols / groups, "attend", "queries as wide as keys");
    require_shape(in.key.rows == in.value.rows || (in.value.data == nullptr && in.value.rows == 0), "attend",
                  "as many values as keys");
    require_shape(in.slot_bias.empty() ||
                      (in.slot_bias.rows == in.key.rows && (in.slot_bias.cols == 1 || in.slot_bias.cols == heads)) ||
                      (in.slot_bias.rows == 1 && in.slot_bias.cols == in.key.rows),
                  "attend", "one bias for each slot, or for each slot and head");
    require_shape((options.similarity == Similarity::additive) == !in.direction.empty() || in.query.cols == 0, "attend",
                  "a direction with additive similarity, and only there");
    require_shape(in.direction.empty() || in.direction.size() == in.query.cols, "attend",
                  "a direction as wide as a query");
    check_segments(segments, in.query.rows, in.key.rows);
    check_distances(in, segments, heads);
    require_shape(in.pair_bias.empty() || in.pair_bias.size() == weight_count(segments, 1) ||
                      in.pair_bias.size() == weight_count(segments, heads),
                  "attend", "a bias for each pair of query and slot, or for each of them and each head");
}

Index weight_count(const Segments& segments, Index heads) {
    Index count = 0;
    for (std::size_t i = 0; i + 1 < segments.query_offsets.size(); ++i)
        count += (segments.query_offsets[i + 1] - segments.query_offsets[i]) *
                 (segments.slot_offsets[i + 1] - segments.slot_offsets[i]);
    return count * heads;
}

// Scores lie in whole vectors of queries, of at most 16 numbers. Scores of few queries are not saved.
static Index score_columns(Index queries) { return queries <= detail::few_queries ? 0 : (queries + 15) / 16 * 16; }

Index saved_score_count(const Segments& segments, const AttendOptions& options) {
    constexpr Index max_scores = Index{1} << 24;
    if (saves_weights(segments, options)) return 0;
    Index count = 0;
    for (std::size_t i = 0; i + 1 < segments.query_offsets.size(); ++i) {
        const Index columns = score_columns(segments.query_offsets[i + 1] - segments.query_offsets[i]);
        const Index slots = segments.slot_offsets[i + 1] - segments.slot_offsets[i];
        if (columns > 0 && slots > detail::slot_panel) return 0;
        count += columns * slots * options.heads;
    }
    return count <= max_scores ? count : 0;
}

namespace detail {

AttendCall::AttendCall(const AttendInput& input, const Segments& segs, const AttendOptions& opts, Arena& scratch)
    : in(input),
      segments(segs),
      options(opts),
      heads(opts.heads),
      key_width(input.query.cols / opts.heads),
      value_width(input.value.cols / opts.memory_heads()) {
    const auto pairs = scratch.take<Index>(segments.size() + 1), scores = scratch.take<Index>(segments.size() + 1);
    pairs[0] = scores[0] = 0;
    for (Index i = 0; i < segments.size(); ++i) {
        pairs[i + 1] = pairs[i] + queries(i) * slots(i);
        scores[i + 1] = scores[i] + score_columns(queries(i)) * slots(i);
    }
    pairs_before_ = pairs;
    scores_before_ = scores;
}

Index AttendCall::total_work() const { return pairs_before_.back() * (key_width + value_width) * heads; }

// The bias of a slot has one column for all heads, or one for each.
static Index bias_columns(ConstView slot_bias, Index slots) { return slot_bias.size() == slots ? 1 : slot_bias.cols; }

// An empty matrix has no address to add to.
template <class T>
static T* place(T* data, Index offset) {
    return data ? data + offset : nullptr;
}
template <class T>
static T* place(BasicView<T> view, Index row, Index column) {
    return place(view.data, row * view.cols + column);
}

void AttendCall::view_operands(Head& at, Index segment, Index h) const {
    const Index slot = first_slot(segment);
    at.query = place(in.query, first_query(segment), h * key_width);
    const Index key = slot * in.key.cols + group(h) * key_width, value = slot * in.value.cols + group(h) * value_width;
    if (bf16_key) {
        at.bf16_key = bf16_key + key;
        at.bf16_value = bf16_value + value;
    } else {
        at.key = place(in.key.data, key);
        at.value = place(in.value.data, value);
    }
    at.query_row = in.query.cols;
    at.key_row = in.key.cols;
    at.value_row = in.value.cols;
}

void AttendCall::view_biases(Head& at, Index segment, Index h) const {
    if (!in.slot_bias.empty()) {
        at.slot_bias_row = bias_columns(in.slot_bias, in.key.rows);
        at.slot_bias = in.slot_bias.data + first_slot(segment) * at.slot_bias_row + (at.slot_bias_row > 1 ? h : 0);
    }
    if (!in.pair_bias.empty()) {
        const bool shared = in.pair_bias.size() == weight_count(segments, 1);
        at.pair_bias_row = shared ? at.slots : heads * at.slots;
        at.pair_bias_step = 1;
        at.pair_bias = in.pair_bias.data + (shared ? pairs_before_[segment] : weights_at(segment, 0, h));
    }
    if (!in.distance_bias.empty()) {
        at.pair_bias = in.distance_bias.data + (in.distance_bias.rows / 2 + at.first_place) * heads + h;
        at.pair_bias_row = heads;
        at.pair_bias_step = -heads;
    }
    if (!options.slopes.empty()) at.slope = options.slopes[h];
}

Head AttendCall::head(Index segment, Index h) const {
    Head at;
    at.queries = queries(segment);
    at.slots = slots(segment);
    at.key_width = key_width;
    at.value_width = value_width;
    at.scale = options.scale;
    at.by_distance = options.similarity == Similarity::euclidean;
    at.first_place = options.alignment == CausalAlignment::ends ? at.slots - at.queries : 0;
    at.alone = options.alone;
    at.banded = options.causal || options.window > 0;
    at.behind = options.window > 0 ? options.window - 1 : at.slots + at.queries;
    at.ahead = options.causal ? 0 : at.behind;
    view_operands(at, segment, h);
    view_biases(at, segment, h);
    return at;
}

Real* AttendCall::scores(const AttendOutput& out, Index segment, Index head) const {
    if (out.scores.empty() || score_columns(queries(segment)) == 0) return nullptr;
    return out.scores.data() + heads * scores_before_[segment] +
           head * score_columns(queries(segment)) * slots(segment);
}

HeadOutput AttendCall::output(const AttendOutput& out, Index segment, Index h) const {
    const Index row = first_query(segment);
    return {place(out.output, row, h * value_width), out.output.cols, place(out.log_sum_exp, row, h), heads,
            scores(out, segment, h)};
}

HeadGradients AttendCall::gradients(const AttendOutput& out, const SoftmaxSums& sums, ConstView grad_output,
                                    const AttendGradients& grads, Index segment, Index h) const {
    const Index row = first_query(segment), slot = first_slot(segment);
    const Head at = head(segment, h);
    HeadGradients to{};
    if (out.log_sum_exp.data != nullptr) {
        to.output = place(out.output, row, h * value_width);
        to.grad_output = place(grad_output, row, h * value_width);
        to.output_row = grad_output.cols;
        to.sum_large = sums.large.row(h) + row;
        to.sum_rest = sums.rest.row(h) + row;
        to.scores = scores(out, segment, h);
    }
    to.query = place(grads.query, row, h * key_width);
    to.query_row = in.query.cols;
    to.key = place(grads.key, slot, group(h) * key_width);
    to.value = place(grads.value, slot, group(h) * value_width);
    if (grads.slot_bias.data != nullptr) to.slot_bias = grads.slot_bias.data + (at.slot_bias - in.slot_bias.data);
    if (grads.pair_bias.data != nullptr) to.pair_bias = grads.pair_bias.data + (at.pair_bias - in.pair_bias.data);
    if (grads.distance_bias.data != nullptr)
        to.pair_bias = grads.distance_bias.data + (at.pair_bias - in.distance_bias.data);
    return to;
}

bool adds_by_distance(const AttendGradients& grads) { return grads.distance_bias.data != nullptr; }

bool heads_share_bias(const AttendCall& call, const AttendGradients& grads) {
    const bool slots = grads.slot_bias.data && grads.slot_bias.size() == call.in.key.rows;
    const bool pairs = grads.pair_bias.data && grads.pair_bias.size() == weight_count(call.segments, 1);
    return call.heads > 1 && (slots || pairs);
}

void merge_output(Real* output, Real& log_sum_exp, const Real* other, Real other_log_sum_exp, Index width) {
    if (other_log_sum_exp == -std::numeric_limits<Real>::infinity()) return;
    const bool other_leads = other_log_sum_exp > log_sum_exp || std::isnan(other_log_sum_exp);
    const Real top = other_leads ? other_log_sum_exp : log_sum_exp;
    const Real a = std::exp(log_sum_exp - top), b = std::exp(other_log_sum_exp - top), sum = a + b;
    for (Index k = 0; k < width; ++k) output[k] = (a * output[k] + b * other[k]) / sum;
    log_sum_exp = top + std::log(sum);
}

}  // namespace detail
}  // namespace kvmem
