#include "kvmem/kernels/attend.hpp"

#include "kernels/vector.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace kvmem {

static constexpr Real minus_infinity = -std::numeric_limits<Real>::infinity();

// Slots whose scores are made at once: they stay in the first-level cache beside the keys.
static constexpr Index block = 64;

// Work, in multiplications, that is worth a task of its own (some tens of microseconds).
static constexpr Index task_work = Index{1} << 18;

namespace {

// One segment seen by one head: where its rows are and how wide.
struct Lookup {
    const AttendInput& in;
    const AttendOptions& options;
    Index head, key_width, value_width;
    Index first_query, queries, first_slot, slots;

    Lookup(const AttendInput& input, const Segments& segments, const AttendOptions& opts, Index segment, Index h)
        : in(input),
          options(opts),
          head(h),
          key_width(input.query.cols / opts.heads),
          value_width(input.value.cols / opts.heads) {
        const auto i = static_cast<std::size_t>(segment);
        first_query = segments.query_offsets[i];
        queries = segments.query_offsets[i + 1] - first_query;
        first_slot = segments.slot_offsets[i];
        slots = segments.slot_offsets[i + 1] - first_slot;
    }

    const Real* query(Index q) const { return in.query.row(first_query + q) + head * key_width; }
    const Real* key(Index s) const { return in.key.row(first_slot + s) + head * key_width; }
    const Real* value(Index s) const { return in.value.row(first_slot + s) + head * value_width; }

    // How many slots query q may read: the first so many.
    Index readable(Index q) const {
        return options.causal ? std::clamp<Index>(q + 1 + slots - queries, 0, slots) : slots;
    }

    // scores[s - first] for slots [first, first + count)
    void scores(Index q, Index first, Index count, Real* out) const {
        const Real* x = query(q);
        for (Index s = 0; s < count; ++s) out[s] = options.scale * detail::dot(x, key(first + s), key_width);
        if (!in.slot_bias.empty())
            for (Index s = 0; s < count; ++s) out[s] += in.slot_bias.data[first_slot + first + s];
    }

    // The weights of a block, given the row's log-sum-exp.
    void weights(Index q, Index first, Index count, Real log_sum_exp, Real* out) const {
        scores(q, first, count, out);
        for (Index s = 0; s < count; ++s) out[s] = detail::exp_of_negative(out[s] - log_sum_exp);
    }
};

}  // namespace

// Online softmax: the running maximum and sum are corrected whenever a block brings a larger score.
static void read_one(const Lookup& at, Index q, Real* read, Real& log_sum_exp) {
    Real score[block];
    Real largest = minus_infinity;
    Real total = 0;
    std::fill_n(read, at.value_width, Real{0});
    const Index readable = at.readable(q);
    for (Index first = 0; first < readable; first += block) {
        const Index count = std::min(block, readable - first);
        at.scores(q, first, count, score);
        const Real here = detail::largest(score, count);
        const Real peak = here > largest || std::isnan(here) ? here : largest;
        if (peak == minus_infinity) continue;  // every slot so far is masked by its bias
        if (peak > largest) {
            const Real shrink = detail::exp_of_negative(largest - peak);
            total *= shrink;
            detail::scale(shrink, read, at.value_width);
            largest = peak;
        }
        for (Index s = 0; s < count; ++s) score[s] = detail::exp_of_negative(score[s] - peak);
        total += detail::sum(score, count);
        for (Index s = 0; s < count; ++s) detail::axpy(score[s], at.value(first + s), read, at.value_width);
    }
    // A NaN among the scores makes the total and all of the read NaN, to be seen.
    if (total == 0) {
        log_sum_exp = minus_infinity;
    } else {
        detail::scale(1 / total, read, at.value_width);
        log_sum_exp = largest + std::log(total);
    }
}

// Calls body(segment, head) for all of them, on several threads when `work` multiplications are worth it.
template <class Body>
static void for_each_lookup(const Segments& segments, Index heads, Index work, Body body) {
    const Index lookups = segments.size() * heads;
    const Index grain = work <= task_work ? lookups : std::max<Index>(1, lookups * task_work / work);
    parallel_for(lookups, grain, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) body(i / heads, i % heads);
    });
}

static Index work_of(const AttendInput& in, const Segments& segments) {
    return weight_count(segments, 1) * (in.query.cols + in.value.cols);
}

static bool same_shape(ConstView a, ConstView b) { return a.rows == b.rows && a.cols == b.cols; }

static bool covers(std::span<const Index> offsets, Index rows) {
    return !offsets.empty() && offsets.front() == 0 && offsets.back() == rows &&
           std::is_sorted(offsets.begin(), offsets.end());
}

void check_attend(const AttendInput& in, const Segments& segments, const AttendOptions& options) {
    const Index heads = options.heads;
    require_shape(heads > 0 && in.query.cols % heads == 0 && in.value.cols % heads == 0, "attend",
                  "widths that the number of heads divides");
    require_shape(in.query.cols == in.key.cols, "attend", "queries as wide as keys");
    require_shape(in.key.rows == in.value.rows, "attend", "as many values as keys");
    require_shape(in.slot_bias.empty() || in.slot_bias.size() == in.key.rows, "attend", "one bias for each slot");
    require_shape(segments.query_offsets.size() == segments.slot_offsets.size() &&
                      covers(segments.query_offsets, in.query.rows) && covers(segments.slot_offsets, in.key.rows),
                  "attend", "segments that rise from 0 to the number of queries and of slots");
}

void attend(const AttendInput& in, const Segments& segments, const AttendOptions& options, View read,
            View log_sum_exp) {
    check_attend(in, segments, options);
    require_shape(read.rows == in.query.rows && read.cols == in.value.cols && log_sum_exp.rows == in.query.rows &&
                      log_sum_exp.cols == options.heads,
                  "attend", "read [B, H*E] and log_sum_exp [B, H]");
    for_each_lookup(segments, options.heads, work_of(in, segments), [&](Index segment, Index head) {
        const Lookup at(in, segments, options, segment, head);
        // Few queries share a segment here; with many, the rows are spread over the threads as well.
        const Index row_work = std::max<Index>(1, at.slots * (at.key_width + at.value_width));
        parallel_for(at.queries, std::max<Index>(1, task_work / row_work), [&](Index first, Index last) {
            for (Index q = first; q < last; ++q) {
                const Index row = at.first_query + q;
                read_one(at, q, read.row(row) + head * at.value_width, log_sum_exp(row, head));
            }
        });
    });
}

Index weight_count(const Segments& segments, Index heads) {
    Index count = 0;
    for (std::size_t i = 0; i + 1 < segments.query_offsets.size(); ++i)
        count += (segments.query_offsets[i + 1] - segments.query_offsets[i]) *
                 (segments.slot_offsets[i + 1] - segments.slot_offsets[i]);
    return count * heads;
}

void attend_weights(const AttendInput& in, const Segments& segments, const AttendOptions& options,
                    ConstView log_sum_exp, std::span<Real> weights) {
    check_attend(in, segments, options);
    require_shape(static_cast<Index>(weights.size()) == weight_count(segments, options.heads), "attend_weights",
                  "room for weight_count() numbers");
    require_shape(log_sum_exp.rows == in.query.rows && log_sum_exp.cols == options.heads, "attend_weights",
                  "log_sum_exp [B, H]");
    Real* out = weights.data();
    for (Index segment = 0; segment < segments.size(); ++segment) {
        const Lookup first_head(in, segments, options, segment, 0);
        for (Index q = 0; q < first_head.queries; ++q)
            for (Index head = 0; head < options.heads; ++head, out += first_head.slots) {
                const Lookup at(in, segments, options, segment, head);
                const Real row_sum = log_sum_exp(at.first_query + q, head);
                std::fill_n(out, at.slots, Real{0});
                if (row_sum != minus_infinity) at.weights(q, 0, at.readable(q), row_sum, out);
            }
    }
}

void attend_weights_backward(const AttendInput& in, const Segments& segments, const AttendOptions& options,
                             std::span<const Real> weights, std::span<const Real> grad_weights, View grad_query,
                             View grad_key) {
    check_attend(in, segments, options);
    require_shape(static_cast<Index>(weights.size()) == weight_count(segments, options.heads) &&
                      weights.size() == grad_weights.size(),
                  "attend_weights_backward", "weight_count() weights and gradients");
    const Real* p = weights.data();
    const Real* g = grad_weights.data();
    for (Index segment = 0; segment < segments.size(); ++segment) {
        const Lookup shape(in, segments, options, segment, 0);
        for (Index q = 0; q < shape.queries; ++q)
            for (Index head = 0; head < options.heads; ++head, p += shape.slots, g += shape.slots) {
                const Lookup at(in, segments, options, segment, head);
                const Real mean = detail::dot(p, g, at.slots);
                const Index column = head * at.key_width;
                for (Index s = 0; s < at.slots; ++s) {
                    const Real step = options.scale * p[s] * (g[s] - mean);
                    if (!grad_query.empty())
                        detail::axpy(step, at.key(s), grad_query.row(at.first_query + q) + column, at.key_width);
                    if (!grad_key.empty())
                        detail::axpy(step, at.query(q), grad_key.row(at.first_slot + s) + column, at.key_width);
                }
            }
    }
}

// With p the weights and g the gradient of the read: dv_s += p_s g, and with delta = g . read,
// ds_s = p_s (g . v_s - delta), dq += scale * sum ds_s k_s, dk_s += scale * ds_s q (Dao et al. 2022, B.4).
static void backward_one(const Lookup& at, Index q, const Real* read, Real log_sum_exp, const Real* grad_read,
                         const AttendGradients& out) {
    if (log_sum_exp == minus_infinity) return;
    Real weight[block];
    const Real delta = detail::dot(grad_read, read, at.value_width);
    const Index key_at = at.head * at.key_width;
    const Index value_at = at.head * at.value_width;
    const Index readable = at.readable(q);
    for (Index first = 0; first < readable; first += block) {
        const Index count = std::min(block, readable - first);
        at.weights(q, first, count, log_sum_exp, weight);
        for (Index i = 0; i < count; ++i) {
            const Index s = first + i;
            const Index slot = at.first_slot + s;
            if (!out.value.empty()) detail::axpy(weight[i], grad_read, out.value.row(slot) + value_at, at.value_width);
            const Real grad_score = weight[i] * (detail::dot(grad_read, at.value(s), at.value_width) - delta);
            if (!out.slot_bias.empty()) out.slot_bias.data[slot] += grad_score;
            const Real step = at.options.scale * grad_score;
            if (!out.query.empty())
                detail::axpy(step, at.key(s), out.query.row(at.first_query + q) + key_at, at.key_width);
            if (!out.key.empty()) detail::axpy(step, at.query(q), out.key.row(slot) + key_at, at.key_width);
        }
    }
}

void attend_backward(const AttendInput& in, const Segments& segments, const AttendOptions& options, ConstView read,
                     ConstView log_sum_exp, ConstView grad_read, const AttendGradients& out) {
    check_attend(in, segments, options);
    require_shape(same_shape(read, grad_read) && read.rows == in.query.rows && read.cols == in.value.cols &&
                      log_sum_exp.rows == in.query.rows && log_sum_exp.cols == options.heads,
                  "attend_backward", "read and its gradient [B, H*E] and log_sum_exp [B, H]");
    require_shape((out.query.empty() || same_shape(out.query, in.query)) &&
                      (out.key.empty() || same_shape(out.key, in.key)) &&
                      (out.value.empty() || same_shape(out.value, in.value)) &&
                      (out.slot_bias.empty() || out.slot_bias.size() == in.key.rows),
                  "attend_backward", "gradients of the shapes of what they belong to, or empty");
    const auto whole_segment = [&](Index segment, Index head) {
        const Lookup at(in, segments, options, segment, head);
        for (Index q = 0; q < at.queries; ++q) {
            const Index row = at.first_query + q;
            backward_one(at, q, read.row(row) + head * at.value_width, log_sum_exp(row, head),
                         grad_read.row(row) + head * at.value_width, out);
        }
    };
    // Heads write to columns of their own and segments to rows of their own; only the bias of a slot is
    // shared by the heads, and then they take turns.
    if (out.slot_bias.empty()) {
        for_each_lookup(segments, options.heads, 3 * work_of(in, segments), whole_segment);
    } else {
        for_each_lookup(segments, 1, 3 * work_of(in, segments), [&](Index segment, Index) {
            for (Index head = 0; head < options.heads; ++head) whole_segment(segment, head);
        });
    }
}

void naive::attend(const AttendInput& in, const Segments& segments, const AttendOptions& options, View read,
                   View log_sum_exp, std::span<Real> weights) {
    const Index d = in.query.cols / options.heads;
    const Index e = in.value.cols / options.heads;
    std::size_t w = 0;
    for (std::size_t i = 0; i + 1 < segments.query_offsets.size(); ++i) {
        const Index first = segments.slot_offsets[i];
        const Index slots = segments.slot_offsets[i + 1] - first;
        const Index queries = segments.query_offsets[i + 1] - segments.query_offsets[i];
        for (Index q = 0; q < queries; ++q)
            for (Index h = 0; h < options.heads; ++h) {
                const Index row = segments.query_offsets[i] + q;
                std::vector<double> score(static_cast<std::size_t>(slots), -std::numeric_limits<double>::infinity());
                double largest = -std::numeric_limits<double>::infinity();
                for (Index s = 0; s < slots; ++s) {
                    if (options.causal && s > q + slots - queries) continue;
                    double dot = 0;
                    for (Index k = 0; k < d; ++k)
                        dot += double{in.query(row, h * d + k)} * double{in.key(first + s, h * d + k)};
                    dot *= double{options.scale};
                    if (!in.slot_bias.empty()) dot += double{in.slot_bias.data[first + s]};
                    score[static_cast<std::size_t>(s)] = dot;
                    if (dot > largest || std::isnan(dot)) largest = dot;  // a NaN stays
                }
                double total = 0;
                const bool reads = largest != -std::numeric_limits<double>::infinity();
                if (reads)
                    for (double& x : score) total += x = std::exp(x - largest);
                log_sum_exp(row, h) = reads ? static_cast<Real>(largest + std::log(total)) : minus_infinity;
                for (Index k = 0; k < e; ++k) {
                    double sum = 0;
                    for (Index s = 0; s < slots && reads; ++s)
                        sum += score[static_cast<std::size_t>(s)] / total * double{in.value(first + s, h * e + k)};
                    read(row, h * e + k) = static_cast<Real>(sum);
                }
                for (Index s = 0; s < slots; ++s)
                    weights[w++] = reads ? static_cast<Real>(score[static_cast<std::size_t>(s)] / total) : Real{0};
            }
    }
}

}  // namespace kvmem
