#include "kernels/recurrent/plan.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/normalize.hpp"

#include <algorithm>

namespace kvmem {

namespace {
using detail::RecurrentPart;
using detail::RecurrentStep;

// All sequences of a call. What belongs to a sequence lies in the row of its place in the order.
class Forward {
  public:
    Forward(const RecurrentCall& call, const RecurrentSaved& saved, View out, const RecurrentShape& shape, Arena& arena)
        : call_(call), saved_(saved), out_(out), shape_(shape), order_(call, arena) {
        const Index n = shape.sequences, d = shape.width, w = shape.state;
        places_ = arena.take<Index>(n);
        for (View* h : {&before_, &after_}) *h = arena.matrix(n, w);
        if (call.mask.data) masked_ = arena.matrix(n, w);
        if (call.cell == Cell::lstm) c_ = arena.matrix(n, d);
        if (call.cell == Cell::gru_reset_before || call.weights.projection.data) hidden_ = arena.matrix(n, d);
        if (normalises()) {
            normal_ = arena.matrix(n, d);
            sums_ = arena.matrix(n, shape.gates * d);
            no_bias_ = arena.matrix(1, shape.gates * d);
            std::fill_n(no_bias_.data, no_bias_.size(), Real{0});
        }
        packed_ = pack_recurrent(call, false, arena);
    }

    void run(View last_h, View last_c) {
        if (call_.weights.input.data)
            detail::parallel_product(call_.x, packed_->input, saved_.gates, false);
        else
            std::copy_n(call_.x.data, call_.x.size(), saved_.gates.data);
        const Index work = shape_.gates * shape_.width * (is_minimal(call_.cell) ? 16 : shape_.state);
        const std::vector<Index> parts = order_.parts(work);
        parallel_for(std::ssize(parts) - 1, 1, [&](Index first, Index last) {
            for (Index i = first; i < last; ++i) run(parts[i], parts[i + 1]);
        });
        write_last(last_h, last_c);
    }

  private:
    bool normalises() const { return call_.weights.gate_gain.data != nullptr; }

    void start(Index first, Index end) {
        const auto fill = [&](View to, ConstView from) {
            for (Index i = first; i < end && to.data; ++i)
                if (from.data)
                    std::copy_n(from.row(order_.sequence(i)), to.cols, to.row(i));
                else
                    std::fill_n(to.row(i), to.cols, Real{0});
        };
        fill(before_, call_.h);
        fill(c_, call_.c);
    }

    void run(Index first, Index end) {
        start(first, end);
        View before = before_, after = after_;
        for (Index t = 0; (end = order_.end_active(first, end, t)) > first; ++t) {
            for (Index i = first; i < end; ++i) places_[i] = order_.place(i, t);
            step(first, end - first, before.middle_rows(first, end - first), after.middle_rows(first, end - first));
            std::swap(before, after);
        }
    }

    // h as U reads it.
    ConstView read_by_weights(Index first, ConstView before) {
        if (!call_.mask.data) return before;
        const View masked = masked_.middle_rows(first, before.rows);
        for (Index i = 0; i < before.rows; ++i) {
            const Real* factor = call_.mask.row(order_.sequence(first + i));
            for (Index k = 0; k < before.cols; ++k) masked(i, k) = factor[k] * before(i, k);
        }
        return masked;
    }

    void step(Index first, Index rows, View before, View after) {
        const ConstView left = read_by_weights(first, before);
        const RecurrentMatrices<ConstView>& m = call_.weights;
        const View hidden = hidden_.data ? hidden_.middle_rows(first, rows) : after;
        RecurrentStep s{.part = RecurrentPart::rnn,
                        .rows = rows,
                        .width = shape_.width,
                        .gate_count = shape_.gates,
                        .places = places_.data() + first,
                        .gates = saved_.gates.data,
                        .cells = saved_.cells.data,
                        .out = m.projection.data ? saved_.hidden.data : out_.data,
                        .before = before.data,
                        .bias = m.bias.data,
                        .reset_bias = m.reset_bias.data,
                        .peepholes = m.peepholes.data,
                        .after = hidden.data,
                        .c = c_.data ? c_.row(first) : nullptr,
                        .depth = shape_.state,
                        .left = left.data,
                        .packed = packed_->gates};
        switch (call_.cell) {
            case Cell::rnn:
                return run_part(s, RecurrentPart::rnn);
            case Cell::lstm:
                normalises() ? normalised(s, first, left) : run_part(s, RecurrentPart::lstm);
                if (m.projection.data) project(first, hidden, after);
                return;
            case Cell::gru:
                return run_part(s, RecurrentPart::gru);
            case Cell::gru_reset_before:
                run_part(s, RecurrentPart::reset);
                s.left = hidden.data;
                s.after = after.data;
                s.packed = packed_->candidate;
                return run_part(s, RecurrentPart::candidate);
            case Cell::min_gru:
                return run_part(s, RecurrentPart::min_gru);
            case Cell::min_lstm:
                return run_part(s, RecurrentPart::min_lstm);
        }
    }

    static void run_part(RecurrentStep& s, RecurrentPart part) {
        s.part = part;
        detail::simd().recurrent_step(s);
    }

    void normalised(RecurrentStep& s, Index first, ConstView left) {
        const View sums = sums_.middle_rows(first, s.rows), normal = normal_.middle_rows(first, s.rows);
        detail::product(left, packed_->recurrent, sums, false);
        for (Index i = 0; i < s.rows; ++i) {
            if (saved_.sums.data) std::copy_n(sums.row(i), sums.cols, saved_.sums.row(s.places[i]));
            normalise(sums.row(i), call_.weights.gate_gain, no_bias_, sums.row(i), s.places[i], 0);
        }
        s.products = sums.data;
        run_part(s, RecurrentPart::lstm_cell);
        for (Index i = 0; i < s.rows; ++i)
            normalise(c_.row(first + i), call_.weights.cell_gain, call_.weights.cell_bias, normal.row(i), s.places[i],
                      2);
        s.left = normal.data;
        run_part(s, RecurrentPart::lstm_out);
    }

    void normalise(const Real* row, ConstView gain, ConstView bias, Real* to, Index place, Index scales) const {
        detail::NormRow norm{row, gain.data, 0, 0};
        detail::simd().norm_row(norm, bias.data, layer_norm_epsilon, to, gain.size());
        if (!saved_.scales.data) return;
        saved_.scales(place, scales) = norm.mean;
        saved_.scales(place, scales + 1) = norm.inverse;
    }

    void project(Index first, ConstView hidden, View after) {
        detail::product(hidden, packed_->projection, after, false);
        for (Index i = 0; i < after.rows; ++i) std::copy_n(after.row(i), after.cols, out_.row(places_[first + i]));
    }

    void write_last(View last_h, View last_c) const {
        for (Index i = 0; i < shape_.sequences; ++i) {
            const Index length = order_.length(i), sequence = order_.sequence(i);
            // The initial state of an empty sequence is where it began.
            std::copy_n(length > 0 ? out_.row(order_.place(i, length - 1)) : before_.row(i), last_h.cols,
                        last_h.row(sequence));
            if (c_.data) std::copy_n(c_.row(i), last_c.cols, last_c.row(sequence));
        }
    }

    const RecurrentCall& call_;
    const RecurrentSaved& saved_;
    View out_;
    RecurrentShape shape_;
    detail::RecurrentOrder order_;
    std::span<Index> places_;
    View before_, after_, masked_, c_, hidden_, normal_, sums_, no_bias_;
    const RecurrentPacked* packed_;
};
}  // namespace

void recurrent(const RecurrentCall& call, const RecurrentSaved& saved, View out, View last_h, View last_c,
               Arena& scratch) {
    const RecurrentShape shape = recurrent_shape(call);
    require_shape(saved.gates.rows == shape.rows && saved.gates.cols == shape.gates * shape.width &&
                      out.rows == shape.rows && out.cols == shape.state && last_h.rows == shape.sequences &&
                      last_h.cols == shape.state &&
                      (call.cell != Cell::lstm || (last_c.rows == shape.sequences && last_c.cols == shape.width)),
                  "recurrent", "a row of `out` for each of x, and a last state for each sequence");
    const ArenaScope scope(scratch);
    Forward(call, saved, out, shape, scratch).run(last_h, last_c);
}

}  // namespace kvmem
