#include "kvmem/kernels/attend.hpp"

#include "kernels/attend/call.hpp"
#include "kernels/attend/similarity.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

// A plain softmax of products, which is computed block by block, without a whole row of weights at any time.
static bool is_plain(const AttendOptions& options) {
    return options.normalizer == Normalizer::softmax && options.similarity != Similarity::additive &&
           options.dropout == 0 && options.softcap == 0;
}

bool saves_weights(const Segments& segments, const AttendOptions& options) {
    if (!is_plain(options)) return true;
    const Index slots = segments.slot_offsets.empty() ? 0 : segments.slot_offsets.back();
    return weight_count(segments, 1) <= detail::few_queries * slots;
}

Real inverse_sqrt(Index width) { return static_cast<Real>(1 / std::sqrt(static_cast<double>(width))); }

Matrix attend(ConstView query, ConstView key, ConstView value, const AttendOptions& options) {
    const OwnedSegments segments = Segments::all(query.rows, key.rows);
    const AttendInput in{.query = query, .key = key, .value = value};
    check_attend(in, segments, options);
    Matrix output(query.rows, value.cols / options.memory_heads() * options.heads);
    Matrix log_sum_exp(query.rows, options.heads);
    Arena scratch;
    attend(in, segments, options, {output, log_sum_exp}, scratch);
    return output;
}

static void check_weights(std::size_t count, const Segments& segments, const AttendOptions& options) {
    require_shape(static_cast<Index>(count) == weight_count(segments, options.heads), "attend",
                  "room for weight_count() weights");
}

static void check_output(const AttendInput& in, const Segments& segments, const AttendOptions& options,
                         const AttendOutput& out) {
    require_shape(in.value.rows == in.key.rows, "attend", "as many values as keys");
    const Index width = in.value.cols / options.memory_heads() * options.heads;
    require_shape(out.output.rows == in.query.rows && out.output.cols == width &&
                      out.log_sum_exp.rows == in.query.rows && out.log_sum_exp.cols == options.heads,
                  "attend", "output [B, H*E] and log_sum_exp [B, H]");
    if (!out.weights.empty()) check_weights(out.weights.size(), segments, options);
    if (out.scores.empty()) return;
    require_shape(static_cast<Index>(out.scores.size()) == saved_score_count(segments, options) && out.weights.empty(),
                  "attend", "room for saved_score_count() scores, or for weights");
    require_shape(reinterpret_cast<std::uintptr_t>(out.scores.data()) % 64 == 0, "attend",
                  "room for scores at the beginning of a cache line, as an Arena gives it");
}

void attend(const AttendInput& in, const Segments& segments, const AttendOptions& options, const AttendOutput& out,
            Arena& scratch) {
    check_attend(in, segments, options);
    check_output(in, segments, options, out);
    const ArenaScope scope(scratch);
    const detail::Reduction reduction(in, segments, options, scratch);
    const detail::AttendCall call(reduction.input(), segments, reduction.options(), scratch);
    if (is_plain(options) && out.weights.empty())
        detail::attend_by_blocks(call, out, scratch);
    else
        detail::attend_by_rows(call, out, scratch);
    reduction.shift(out.log_sum_exp, 1);
}

void attend(ConstView query, Bfloat16View key, Bfloat16View value, const Segments& segments,
            const AttendOptions& options, const AttendOutput& out, Arena& scratch) {
    require_shape(
        is_plain(options) && options.similarity == Similarity::dot && out.weights.empty() && out.scores.empty(),
        "attend", "a softmax of dot products over keys of bfloat16");
    // The checks need views of these shapes; their numbers are never read.
    const auto shape = [](Bfloat16View x) { return ConstView{reinterpret_cast<const Real*>(x.data), x.rows, x.cols}; };
    const ConstView keys = shape(key), values = shape(value);
    const AttendInput in{.query = query, .key = keys, .value = values};
    check_attend(in, segments, options);
    check_output(in, segments, options, out);
    const ArenaScope scope(scratch);
    detail::AttendCall call(in, segments, options, scratch);
    call.bf16_key = key.data;
    call.bf16_value = value.data;
    detail::attend_by_blocks(call, out, scratch);
}

void attend_weights(const AttendInput& in, const Segments& segments, const AttendOptions& options,
                    std::span<Real> weights, Arena& scratch) {
    check_attend(in, segments, options);
    check_weights(weights.size(), segments, options);
    const ArenaScope scope(scratch);
    const detail::Reduction reduction(in, segments, options, scratch);
    const detail::AttendCall call(reduction.input(), segments, reduction.options(), scratch);
    detail::attend_by_rows(call, {.output = {}, .log_sum_exp = {}, .weights = weights}, scratch);
}

static void check_gradients(const AttendInput& in, const Segments& segments, const AttendOptions& options,
                            const AttendGradients& grads) {
    const auto fits = [](ConstView grad, ConstView of) { return grad.data == nullptr || same_shape(grad, of); };
    require_shape(fits(grads.query, in.query) && fits(grads.key, in.key) && fits(grads.value, in.value) &&
                      fits(grads.slot_bias, in.slot_bias) && fits(grads.pair_bias, in.pair_bias) &&
                      fits(grads.distance_bias, in.distance_bias) && fits(grads.direction, in.direction),
                  "attend_backward", "gradients of the shapes of what they belong to, or empty");
    require_shape(grads.products.empty() || (options.similarity == Similarity::dot && saves_weights(segments, options)),
                  "attend_backward", "gradients of products where weights are saved");
    if (!grads.products.empty()) check_weights(grads.products.size(), segments, options);
    require_shape(!grads.scale || (options.scale != 0 && options.similarity != Similarity::additive), "attend_backward",
                  "a scale of products other than 0 for its gradient");
}

void attend_backward(const AttendInput& in, const Segments& segments, const AttendOptions& options,
                     const AttendOutput& out, ConstView grad_output, const AttendGradients& grads, Arena& scratch) {
    check_attend(in, segments, options);
    check_output(in, segments, options, out);
    check_gradients(in, segments, options, grads);
    require_shape(same_shape(out.output, grad_output), "attend_backward", "a gradient of the output");
    const ArenaScope scope(scratch);
    detail::Reduction reduction(in, segments, options, scratch);
    const detail::AttendCall call(reduction.input(), segments, reduction.options(), scratch);
    const AttendGradients inner = reduction.reduced(grads);
    // Weights are recomputed by the algorithm that made them, so that they have the same bits.
    if (out.weights.empty() && !saves_weights(segments, options) && reduction.options().similarity == Similarity::dot) {
        const View sums = scratch.matrix(out.log_sum_exp.rows, out.log_sum_exp.cols);
        std::copy_n(out.log_sum_exp.data, sums.size(), sums.data);
        reduction.shift(sums, -1);
        detail::attend_by_blocks_backward(call, {out.output, sums, {}, out.scores}, grad_output, inner, scratch);
    } else {
        detail::attend_by_rows_backward(call, out.weights, grad_output, {}, inner, scratch);
    }
    reduction.expand(grads);
}

void attend_weights_backward(const AttendInput& in, const Segments& segments, const AttendOptions& options,
                             std::span<const Real> weights, std::span<const Real> grad_weights,
                             const AttendGradients& grads, Arena& scratch) {
    check_attend(in, segments, options);
    check_weights(weights.size(), segments, options);
    check_weights(grad_weights.size(), segments, options);
    check_gradients(in, segments, options, grads);
    if (weights.empty()) return;  // no query has a slot
    const ArenaScope scope(scratch);
    detail::Reduction reduction(in, segments, options, scratch);
    const detail::AttendCall call(reduction.input(), segments, reduction.options(), scratch);
    detail::attend_by_rows_backward(call, weights, {}, grad_weights, reduction.reduced(grads), scratch);
    reduction.expand(grads);
}

void merge_outputs(View output, View log_sum_exp, ConstView other_output, ConstView other_log_sum_exp) {
    require_shape(same_shape(output, other_output) && same_shape(log_sum_exp, other_log_sum_exp) &&
                      output.rows == log_sum_exp.rows && log_sum_exp.cols > 0 && output.cols % log_sum_exp.cols == 0,
                  "merge_outputs", "two outputs [B, H*E] with their log_sum_exp [B, H]");
    const Index width = output.cols / log_sum_exp.cols;
    for (Index i = 0; i < log_sum_exp.size(); ++i)
        detail::merge_output(output.data + i * width, log_sum_exp.data[i], other_output.data + i * width,
                             other_log_sum_exp.data[i], width);
}

}  // namespace kvmem
