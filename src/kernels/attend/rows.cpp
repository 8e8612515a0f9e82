// Attention a query at a time, with a whole row of scores at once: for every similarity and normalizer, for weights
// that are saved or returned, and for dropout.
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

static const Real* direction_of(const AttendCall& call, Index head) {
    return call.in.direction.empty() ? nullptr : call.in.direction.data + head * call.key_width;
}

// Fills the places of the slots that are masked for query q.
static void fill_masked(const Head& at, Index q, Real* row, Real with) {
    std::fill(row, row + at.first_readable(q), with);
    std::fill(row + std::max(at.first_readable(q), at.end_readable(q)), row + at.slots, with);
}

static void cap(Real limit, std::span<Real> scores) {
    if (limit == 0) return;
    for (Real& s : scores) s /= limit;
    simd().activate(Activation::tanh, scores.data(), scores.data(), std::ssize(scores));
    for (Real& s : scores) s *= limit;
}

static void score_row(const Head& at, const Real* direction, Real softcap, Index q, Real* scores) {
    const Real* query = at.query + q * at.query_row;
    if (direction)
        simd().additive_scores(query, at.key, at.key_row, at.slots, at.key_width, direction, at.scale, scores);
    else if (at.by_distance)
        simd().distances(query, at.key, at.key_row, at.slots, at.key_width, -at.scale, scores);
    else
        simd().dots(query, at.key, at.key_row, at.slots, at.key_width, at.scale, scores);
    cap(softcap, std::span(scores, at.slots));
    add_biases(at, q, 0, at.slots, scores);
    fill_masked(at, q, scores, minus_infinity);
}

// factor[j] is 0 or 1 / (1 - dropout), as the seed, the row and the head decide.
static void draw_dropout(const AttendOptions& options, Index row, Index head, std::span<Real> factor) {
    Rng rng(options.seed, {static_cast<std::uint64_t>(row), static_cast<std::uint64_t>(head)});
    const auto scale = static_cast<Real>(1 / (1 - options.dropout));
    for (Real& f : factor) f = rng.uniform() < options.dropout ? Real{0} : scale;
}

// Calls body(segment, first head, end head): in parallel over heads, over segments with all their heads, or not at all.
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

// out += the weighted sum of the rows. Many rows are summed in halves, because a large sum would lose what is added to
// it. `scratch` holds as many numbers as out for each halving.
static void add_weighted(const Real* weights, const Real* rows, Index row, Index count, Index width, Real* out,
                         Real* scratch) {
    if (count <= long_row) return simd().add_weighted(weights, rows, row, count, width, out);
    const Index half = count / 2;
    std::fill_n(scratch, width, Real{0});
    add_weighted(weights, rows, row, half, width, out, scratch + width);
    add_weighted(weights + half, rows + half * row, row, count - half, width, scratch, scratch + width);
    simd().add_scaled(1, scratch, out, width);
}

// The scratch of add_weighted() for the wider of keys and values.
static Index halving_scratch(const AttendCall& call) {
    Index halvings = 0;
    for (Index count = max_slots(call); count > long_row; count -= count / 2) ++halvings;
    return halvings * std::max(call.key_width, call.value_width);
}

// Scores, weights and, if wanted, outputs of each query of one head.
static void run_head(const AttendCall& call, Index segment, Index h, const AttendOutput& out, Real* scratch) {
    const Head at = call.head(segment, h);
    const AttendOptions& options = call.options;
    const std::span made(scratch, at.slots), other(scratch + at.slots, at.slots);
    for (Index q = 0; q < at.queries; ++q) {
        const Index row = call.first_query(segment) + q;
        const auto weights = out.weights.empty() ? made : out.weights.subspan(call.weights_at(segment, q, h), at.slots);
        score_row(at, direction_of(call, h), options.softcap, q, weights.data());
        const Real sum = normalize_scores(options.normalizer, options.top_k, weights, other);
        if (out.log_sum_exp.data == nullptr) continue;
        out.log_sum_exp(row, h) = sum;
        if (options.dropout > 0) {
            draw_dropout(options, row, h, other);
            for (std::size_t j = 0; j < other.size(); ++j) other[j] *= weights[j];
        }
        Real* output = out.output.row(row) + h * at.value_width;
        std::fill_n(output, at.value_width, Real{0});
        // Masked slots would change the order of the sum.
        const Index first = at.first_readable(q), count = std::max<Index>(0, at.end_readable(q) - first);
        add_weighted((options.dropout > 0 ? other.data() : weights.data()) + first, at.value + first * at.value_row,
                     at.value_row, count, at.value_width, output, scratch + 2 * at.slots);
    }
}

void attend_by_rows(const AttendCall& call, const AttendOutput& out, Arena& scratch) {
    const WorkerScratch workers(scratch, 2 * max_slots(call) + halving_scratch(call));
    for_each_part(call, ParallelOver::heads, call.heads, [&](Index segment, Index first, Index end) {
        for (Index h = first; h < end; ++h) run_head(call, segment, h, out, workers.mine());
    });
}

namespace {

struct RowsBackward {
    const AttendCall& call;
    std::span<const Real> weights, grad_weights;
    ConstView grad_output;
    const AttendGradients& grads;
    std::span<double> grad_scale;  // [B, H], the part of each row; empty if not wanted
};

// One head of a segment in the backward pass.
struct HeadBackward {
    const RowsBackward& all;
    Index segment, h;
    Real* scratch;
    const AttendCall& call = all.call;
    Head at = call.head(segment, h);
    HeadGradients to = call.gradients({}, {}, {}, all.grads, segment, h);
    std::span<Real> grad = scratch_row(0), factor = scratch_row(1), made = scratch_row(2);

    std::span<Real> scratch_row(Index i) const { return std::span(scratch + i * at.slots, at.slots); }

    // The saved weights of a query, or recomputed ones.
    std::span<const Real> weights_of(Index q) const {
        if (!all.weights.empty()) return all.weights.subspan(call.weights_at(segment, q, h), at.slots);
        score_row(at, direction_of(call, h), call.options.softcap, q, made.data());
        normalize_scores(call.options.normalizer, call.options.top_k, made, factor);
        return made;
    }

    // Fills `grad` from the gradient of the output, and adds to the gradients of the values.
    void weight_gradients(Index row, std::span<const Real> weights) const {
        const Real* g = all.grad_output.row(row) + h * at.value_width;
        simd().dots(g, at.value, at.value_row, at.slots, at.value_width, 1, grad.data());
        const bool drops = call.options.dropout > 0;
        if (drops) {
            draw_dropout(call.options, row, h, factor);
            for (std::size_t j = 0; j < grad.size(); ++j) grad[j] *= factor[j], factor[j] *= weights[j];
        }
        if (to.value)
            simd().add_outer(drops ? factor.data() : weights.data(), g, to.value, at.value_row, at.slots,
                             at.value_width);
    }

    // The gradient of the scale of distances, from the gradient of one row of scores.
    double scale_gradient(Index q) const {
        simd().distances(at.query + q * at.query_row, at.key, at.key_row, at.slots, at.key_width, -1, factor.data());
        return std::inner_product(grad.begin(), grad.end(), factor.begin(), 0.0);
    }

    // From the gradient of capped products to that of products: times 1 - tanh^2.
    void uncap(Index q) const {
        simd().dots(at.query + q * at.query_row, at.key, at.key_row, at.slots, at.key_width,
                    at.scale / call.options.softcap, factor.data());
        simd().activate(Activation::tanh, factor.data(), factor.data(), at.slots);
        for (Index j = 0; j < at.slots; ++j) grad[j] *= 1 - factor[j] * factor[j];
    }

    void add_distance_gradients(Index q) const {
        for (Real& g : grad) g = -g;
        simd().distances_backward({at.query + q * at.query_row, at.key, at.key_row, at.slots, at.key_width, grad.data(),
                                   to.query ? to.query + q * to.query_row : nullptr, to.key});
    }

    // From the gradient of one row of scores to those of biases, queries and keys.
    void add_gradients(Index q, Real* products) const {
        if (to.slot_bias)
            for (Index j = 0; j < at.slots; ++j) to.slot_bias[j * at.slot_bias_row] += grad[j];
        if (to.pair_bias)
            for (Index j = 0; j < at.slots; ++j) to.pair_bias[q * at.pair_bias_row + j * at.pair_bias_step] += grad[j];
        if (call.options.softcap > 0) uncap(q);
        for (Real& g : grad) g *= at.scale;
        if (products) std::copy_n(grad.data(), at.slots, products);
        if (at.by_distance) return add_distance_gradients(q);
        const Real* query = at.query + q * at.query_row;
        Real* grad_query = to.query ? to.query + q * to.query_row : nullptr;
        if (const Real* direction = direction_of(call, h)) {
            const View grad_direction = all.grads.direction;
            Real* d = grad_direction.data ? grad_direction.data + h * at.key_width : nullptr;
            simd().additive_scores_backward(
                {query, at.key, at.key_row, at.slots, at.key_width, direction, grad.data(), grad_query, to.key, d});
            return;
        }
        if (grad_query)
            add_weighted(grad.data(), at.key, at.key_row, at.slots, at.key_width, grad_query, scratch + 3 * at.slots);
        if (to.key) simd().add_outer(grad.data(), query, to.key, at.key_row, at.slots, at.key_width);
    }

    void run() const {
        for (Index q = 0; q < at.queries; ++q) {
            const Index row = call.first_query(segment) + q, first = call.weights_at(segment, q, h);
            const std::span<const Real> weights = weights_of(q);
            if (all.grad_weights.empty())
                weight_gradients(row, weights);
            else
                std::copy_n(all.grad_weights.data() + first, at.slots, grad.data());
            normalize_scores_backward(call.options.normalizer, weights, grad);
            // With Normalizer::none a weight of 0 does not tell that its slot is masked.
            if (call.options.normalizer == Normalizer::none) fill_masked(at, q, grad.data(), 0);
            if (!all.grad_scale.empty()) all.grad_scale[row * call.heads + h] = scale_gradient(q);
            add_gradients(q, all.grads.products.empty() ? nullptr : all.grads.products.data() + first);
        }
    }
};

}  // namespace

void attend_by_rows_backward(const AttendCall& call, std::span<const Real> weights, ConstView grad_output,
                             std::span<const Real> grad_weights, const AttendGradients& grads, Arena& scratch) {
    const ParallelOver over = grads.direction.data || adds_by_distance(grads) ? ParallelOver::none
                              : heads_share_bias(call, grads)                 ? ParallelOver::segments
                                                                              : ParallelOver::heads;
    const WorkerScratch workers(scratch, 3 * max_slots(call) + halving_scratch(call));
    const RowsBackward all{call,         weights,
                           grad_weights, grad_output,
                           grads,        scratch.take<double>(grads.scale ? call.in.query.rows * call.heads : 0)};
    for_each_part(call, over, call.options.memory_heads(), [&](Index segment, Index first, Index end) {
        for (Index h = first; h < end; ++h) HeadBackward{all, segment, h, workers.mine()}.run();
    });
    if (grads.scale)
        *grads.scale += static_cast<Real>(std::accumulate(all.grad_scale.begin(), all.grad_scale.end(), 0.0));
}

}  // namespace kvmem::detail
