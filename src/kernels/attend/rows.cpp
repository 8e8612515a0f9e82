// Lookups a query at a time, with a whole row of scores at once: for every similarity and normalizer, for weights
// that are kept or asked for, and for dropout.
#include "kernels/attend/call.hpp"
#include "kernels/vector.hpp"

#include "kvmem/core/rng.hpp"
#include "kvmem/kernels/normalizer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace kvmem::detail {

static constexpr Real minus_infinity = -std::numeric_limits<Real>::infinity();

static Index max_slots(const AttendCall& call) {
    Index slots = 0;
    for (Index i = 0; i < call.segments.size(); ++i) slots = std::max(slots, call.slots(i));
    return slots;
}

static void add_biases(const Head& at, Index q, Real* scores) {
    if (at.slot_bias)
        for (Index j = 0; j < at.slots; ++j) scores[j] = biased(scores[j], at.slot_bias[j * at.slot_bias_row]);
    if (at.pair_bias)
        for (Index j = 0; j < at.slots; ++j) scores[j] = biased(scores[j], at.pair_bias[q * at.pair_bias_row + j]);
    if (at.slope != 0)
        for (Index j = 0; j < at.slots; ++j) scores[j] -= at.slope * static_cast<Real>(std::abs(at.place(q) - j));
}

static const Real* direction_of(const AttendCall& call, Index head) {
    return call.in.direction.empty() ? nullptr : call.in.direction.data + head * call.key_width;
}

// What query q may not read.
static void fill_masked(const Head& at, Index q, Real* row, Real with) {
    std::fill(row, row + at.first_readable(q), with);
    std::fill(row + std::max(at.first_readable(q), at.end_readable(q)), row + at.slots, with);
}

static void score_row(const Head& at, const Real* direction, Index q, Real* scores) {
    const Real* query = at.query + q * at.query_row;
    if (direction)
        simd().additive_scores(query, at.key, at.key_row, at.slots, at.key_width, direction, at.scale, scores);
    else if (at.by_distance)
        simd().distances(query, at.key, at.key_row, at.slots, at.key_width, -at.scale, scores);
    else
        simd().dots(query, at.key, at.key_row, at.slots, at.key_width, at.scale, scores);
    add_biases(at, q, scores);
    fill_masked(at, q, scores, minus_infinity);
}

// factor[j] is 0 or 1 / (1 - dropout): the same for a seed, whatever the threads.
static void draw_dropout(const AttendOptions& options, Index row, Index head, std::span<Real> factor) {
    Rng rng(options.seed, {static_cast<std::uint64_t>(row), static_cast<std::uint64_t>(head)});
    const auto kept = static_cast<Real>(1 / (1 - options.dropout));
    for (Real& f : factor) f = rng.uniform() < options.dropout ? Real{0} : kept;
}

// Calls body(segment, first head, end head): heads apart from each other, or all of a segment, or everything in turn.
enum class ParallelOver { heads, segments, none };
template <class Body>
static void for_each_part(const AttendCall& call, ParallelOver over, Index groups, Body body) {
    const Index segments = call.segments.size(), parts = over == ParallelOver::heads ? groups : 1;
    const Index count = segments * parts, heads = call.heads / parts;
    const Index grain = over == ParallelOver::none ? count : task_grain(count, call.total_work(), row_work);
    kvmem::parallel_for(count, grain, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) body(i / parts, i % parts * heads, (i % parts + 1) * heads);
    });
}

// out += the weighted sum of the rows: of many in halves, as a large sum would lose what is added to it. `scratch`
// holds as many numbers as out for each halving.
static void add_weighted(const Real* weights, const Real* rows, Index row, Index count, Index width, Real* out,
                         Real* scratch) {
    if (count <= long_row) return simd().add_weighted(weights, rows, row, count, width, out);
    const Index half = count / 2;
    std::fill_n(scratch, width, Real{0});
    add_weighted(weights, rows, row, half, width, out, scratch + width);
    add_weighted(weights + half, rows + half * row, row, count - half, width, scratch, scratch + width);
    simd().add_scaled(1, scratch, out, width);
}

// Numbers of scratch for the widest of keys and values.
static Index halving_scratch(const AttendCall& call) {
    Index halvings = 0;
    for (Index count = max_slots(call); count > long_row; count -= count / 2) ++halvings;
    return halvings * std::max(call.key_width, call.value_width);
}

// Scores, weights and, with `read`, what they read, of each row of the lookup of one head.
static void run_head(const AttendCall& call, Index segment, Index h, const AttendOutput& out, Real* scratch) {
    const Head at = call.head(segment, h);
    const AttendOptions& options = call.options;
    const auto row_of = [&](Real* data) { return std::span(data, static_cast<std::size_t>(at.slots)); };
    for (Index q = 0; q < at.queries; ++q) {
        const Index row = call.first_query(segment) + q;
        const auto weights =
            row_of(out.weights.empty() ? scratch : out.weights.data() + call.weights_at(segment, q, h));
        const auto other = row_of(scratch + at.slots);
        score_row(at, direction_of(call, h), q, weights.data());
        const Real sum = normalize_scores(options.normalizer, options.top_k, weights, other);
        if (out.log_sum_exp.data == nullptr) continue;
        out.log_sum_exp(row, h) = sum;
        const Real* reading = weights.data();
        if (options.dropout > 0) {
            draw_dropout(options, row, h, other);
            for (std::size_t j = 0; j < other.size(); ++j) other[j] *= weights[j];
            reading = other.data();
        }
        Real* read = out.output.row(row) + h * at.value_width;
        std::fill_n(read, at.value_width, Real{0});
        add_weighted(reading, at.value, at.value_row, at.slots, at.value_width, read, scratch + 2 * at.slots);
    }
}

void attend_by_rows(const AttendCall& call, const AttendOutput& out, Arena& scratch) {
    const WorkerScratch workers(scratch, 2 * max_slots(call) + halving_scratch(call));
    for_each_part(call, ParallelOver::heads, call.heads, [&](Index segment, Index first, Index end) {
        for (Index h = first; h < end; ++h) run_head(call, segment, h, out, workers.mine());
    });
}

namespace {

// What the way back of one head works with.
struct RowsBackward {
    const AttendCall& call;
    std::span<const Real> weights, grad_weights;
    const AttendGradients& grads;
    std::span<double> grad_scale;  // [B, H], what each row gives; empty if not wanted
};

}  // namespace

// From the gradient of one row of scores times the scale, where they are distances.
static void distances_row_backward(const Head& at, const HeadGradients& to, Index q, Real* grad) {
    for (Index j = 0; j < at.slots; ++j) grad[j] = -grad[j];
    simd().distances_backward({at.query + q * at.query_row, at.key, at.key_row, at.slots, at.key_width, grad,
                               to.query ? to.query + q * to.query_row : nullptr, to.key});
}

// The gradient of the scale of distances, from that of one row of scores.
static double scale_gradient(const Head& at, Index q, std::span<const Real> grad, std::span<Real> scratch) {
    simd().distances(at.query + q * at.query_row, at.key, at.key_row, at.slots, at.key_width, -1, scratch.data());
    return std::inner_product(grad.begin(), grad.end(), scratch.begin(), 0.0);
}

// From the gradient of one row of scores.
static void score_row_backward(const AttendCall& call, const Head& at, const HeadGradients& to, View grad_direction,
                               Real* products, Index h, Index q, Real* grad, Real* scratch) {
    if (to.slot_bias)
        for (Index j = 0; j < at.slots; ++j) to.slot_bias[j * at.slot_bias_row] += grad[j];
    if (to.pair_bias)
        for (Index j = 0; j < at.slots; ++j) to.pair_bias[q * at.pair_bias_row + j] += grad[j];
    for (Index j = 0; j < at.slots; ++j) grad[j] *= at.scale;
    if (products) std::copy_n(grad, at.slots, products);
    if (at.by_distance) return distances_row_backward(at, to, q, grad);
    const Real* query = at.query + q * at.query_row;
    Real* grad_query = to.query ? to.query + q * to.query_row : nullptr;
    if (const Real* direction = direction_of(call, h)) {
        Real* d = grad_direction.data ? grad_direction.data + h * at.key_width : nullptr;
        simd().additive_scores_backward(
            {query, at.key, at.key_row, at.slots, at.key_width, direction, grad, grad_query, to.key, d});
        return;
    }
    if (grad_query) add_weighted(grad, at.key, at.key_row, at.slots, at.key_width, grad_query, scratch);
    if (to.key) simd().add_outer(grad, query, to.key, at.key_row, at.slots, at.key_width);
}

static void run_head_backward(const RowsBackward& p, Index segment, Index h, ConstView grad_output, Real* scratch) {
    const AttendCall& call = p.call;
    const AttendOptions& options = call.options;
    const Head at = call.head(segment, h);
    const HeadGradients to = call.gradients({}, {}, {}, p.grads, segment, h);
    const auto slots = static_cast<std::size_t>(at.slots);
    const std::span grad(scratch, slots), factor(scratch + at.slots, slots), made(scratch + 2 * at.slots, slots);
    for (Index q = 0; q < at.queries; ++q) {
        const Index row = call.first_query(segment) + q, first = call.weights_at(segment, q, h);
        if (p.weights.empty()) {
            score_row(at, direction_of(call, h), q, made.data());
            normalize_scores(options.normalizer, options.top_k, made, factor);
        }
        const auto weights =
            p.weights.empty() ? std::span<const Real>(made) : p.weights.subspan(static_cast<std::size_t>(first), slots);
        if (p.grad_weights.empty()) {
            const Real* g = grad_output.row(row) + h * at.value_width;
            simd().dots(g, at.value, at.value_row, at.slots, at.value_width, 1, grad.data());
            if (options.dropout > 0) {
                draw_dropout(options, row, h, factor);
                for (std::size_t j = 0; j < slots; ++j) grad[j] *= factor[j], factor[j] *= weights[j];
            }
            const Real* reading = options.dropout > 0 ? factor.data() : weights.data();
            if (to.value) simd().add_outer(reading, g, to.value, at.value_row, at.slots, at.value_width);
        } else {
            std::copy_n(p.grad_weights.data() + first, slots, grad.data());
        }
        normalize_scores_backward(options.normalizer, weights, grad);
        if (options.normalizer == Normalizer::none) fill_masked(at, q, grad.data(), 0);  // their weight does not tell
        if (!p.grad_scale.empty())
            p.grad_scale[static_cast<std::size_t>(row * call.heads + h)] = scale_gradient(at, q, grad, factor);
        Real* products = p.grads.products.empty() ? nullptr : p.grads.products.data() + first;
        score_row_backward(call, at, to, p.grads.direction, products, h, q, grad.data(), scratch + 3 * at.slots);
    }
}

void attend_by_rows_backward(const AttendCall& call, std::span<const Real> weights, ConstView grad_output,
                             std::span<const Real> grad_weights, const AttendGradients& grads, Arena& scratch) {
    const ParallelOver over = grads.direction.data            ? ParallelOver::none
                              : heads_share_bias(call, grads) ? ParallelOver::segments
                                                              : ParallelOver::heads;
    const WorkerScratch workers(scratch, 3 * max_slots(call) + halving_scratch(call));
    const RowsBackward p{call, weights, grad_weights, grads,
                         scratch.take<double>(grads.scale ? call.in.query.rows * call.heads : 0)};
    for_each_part(call, over, call.options.memory_heads(), [&](Index segment, Index first, Index end) {
        for (Index h = first; h < end; ++h) run_head_backward(p, segment, h, grad_output, workers.mine());
    });
    if (grads.scale) *grads.scale += static_cast<Real>(std::accumulate(p.grad_scale.begin(), p.grad_scale.end(), 0.0));
}

}  // namespace kvmem::detail
