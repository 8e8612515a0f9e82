#include "kernels/multiply.hpp"
#include "kernels/recurrent/plan.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/gemm.hpp"

#include <algorithm>
#include <vector>

namespace kvmem {

namespace {
using detail::RecurrentPart;
using detail::RecurrentStepBackward;

// The time loop: only the gradients of the states go from step to step. What belongs to a sequence lies in the row of
// its place in the order.
class Backward {
  public:
    Backward(const RecurrentCall& call, const RecurrentSaved& saved, ConstView out,
             const RecurrentOutputGradients& grad_out, const RecurrentInputGradients& grad_in,
             const RecurrentShape& shape, Arena& arena)
        : call_(call),
          saved_(saved),
          out_(out),
          grad_out_(grad_out),
          grad_in_(grad_in),
          shape_(shape),
          order_(call, arena) {
        const Index n = shape.sequences, d = shape.width, w = shape.state;
        const RecurrentMatrices<ConstView>& m = call.weights;
        places_ = arena.take<Index>(n);
        before_places_ = arena.take<Index>(n);
        zeros_ = arena.matrix(1, std::max(d, w));
        std::fill_n(zeros_.data, zeros_.size(), Real{0});
        h_ = arena.matrix(n, w);
        if (call.cell == Cell::lstm) c_ = arena.matrix(n, d);
        packed_ = pack_recurrent(call, true, arena);
        if (m.recurrent.data) grad_products_ = arena.matrix(n, packed_->recurrent_back.depth);
        grad_gates = arena.matrix(shape.rows, shape.gates * d);
        if (call.mask.data || call.cell == Cell::gru_reset_before) {
            left_ = arena.matrix(n, w);
            grad_left_ = arena.matrix(n, w);
        }
        if (call.cell == Cell::gru_reset_before || normalises()) {
            normal_ = arena.matrix(n, d);
            grad_normal_ = arena.matrix(n, d);
        }
        if (m.projection.data) {
            grad_hidden_ = arena.matrix(n, d);
            grad_states = arena.matrix(shape.rows, w);
        }
        if (call.cell == Cell::gru) grad_cells = arena.matrix(shape.rows, d);
        if (normalises()) {
            grad_normals = arena.matrix(shape.rows, d);
            grad_sums = arena.matrix(shape.rows, 4 * d);
        }
    }

    void run() {
        const Index work = 2 * shape_.gates * shape_.width * (is_minimal(call_.cell) ? 16 : shape_.state);
        const std::vector<Index> parts = order_.parts(work);
        parallel_for(std::ssize(parts) - 1, 1, [&](Index first, Index last) {
            for (Index i = first; i < last; ++i) run(parts[i], parts[i + 1]);
        });
        if (grad_in_.x.data && call_.weights.input.data)
            detail::parallel_product(grad_gates, packed_->input_back, grad_in_.x, true);
        else if (grad_in_.x.data)
            detail::simd().add_scaled(1, grad_gates.data, grad_in_.x.data, grad_gates.size());
    }

    // Of all rows, for the gradients of the weights.
    View grad_gates;    // [n, G*d]
    View grad_states;   // [n, w] of h' after its projection
    View grad_cells;    // [n, d] of U_n h + b
    View grad_normals;  // [n, d] of N(c')
    View grad_sums;     // [n, 4*d] of U h before its normalisation

  private:
    bool normalises() const { return call_.weights.gate_gain.data != nullptr; }

    void run(Index first, Index end) {
        for (Index i = first; i < end; ++i) {
            start(grad_out_.last_h, i, h_);
            start(grad_out_.last_c, i, c_);
        }
        for (Index t = first < end ? order_.length(first) : 0; t-- > 0;) {
            const Index active = order_.end_active(first, end, t);
            for (Index i = first; i < active; ++i) {
                places_[i] = order_.place(i, t);
                before_places_[i] = t > 0 ? order_.place(i, t - 1) : order_.sequence(i);
            }
            step(first, active - first, t == 0);
        }
        for (Index i = first; i < end; ++i) {
            finish(h_, i, grad_in_.h);
            finish(c_, i, grad_in_.c);
        }
    }

    void start(ConstView last, Index i, View to) const {
        if (!to.data) return;
        if (last.data)
            std::copy_n(last.row(order_.sequence(i)), to.cols, to.row(i));
        else
            std::fill_n(to.row(i), to.cols, Real{0});
    }
    void finish(ConstView from, Index i, View to) const {
        if (from.data && to.data) detail::simd().add_scaled(1, from.row(i), to.row(order_.sequence(i)), to.cols);
    }

    // The states before a step, of which a sequence's is the row of its place before; zeros have one row for all.
    const Real* before(bool first_step, ConstView all, ConstView initial, Index first, Index rows) {
        if (!first_step) return all.data;
        if (initial.data) return initial.data;
        std::fill_n(before_places_.begin() + first, rows, Index{0});
        return zeros_.data;
    }

    RecurrentStepBackward arrays(Index first, Index rows) const {
        RecurrentStepBackward s{};
        s.rows = rows;
        s.width = shape_.width;
        s.gate_count = shape_.gates;
        s.product_gates = grad_products_.cols / shape_.width;
        s.places = places_.data() + first;
        s.before_places = before_places_.data() + first;
        s.gates = saved_.gates.data;
        s.cells = saved_.cells.data;
        s.out = out_.data;
        s.peepholes = call_.weights.peepholes.data;
        s.c = c_.data ? c_.row(first) : nullptr;
        s.grad_gates = grad_gates.data;
        s.grad_cells = grad_cells.data;
        s.grad_products = grad_products_.data ? grad_products_.row(first) : nullptr;
        return s;
    }

    void step(Index first, Index rows, bool first_step) {
        const View grad_h = h_.middle_rows(first, rows);
        for (Index i = 0; i < rows && grad_out_.out.data; ++i)
            detail::simd().add_scaled(1, grad_out_.out.row(places_[first + i]), grad_h.row(i), grad_h.cols);
        RecurrentStepBackward s = arrays(first, rows);
        s.h = call_.weights.projection.data ? unproject(first, grad_h).data : grad_h.data;
        if (call_.cell == Cell::lstm)
            s.c_before = before(first_step, saved_.cells, call_.c, first, rows);
        else
            s.before = before(first_step, out_, call_.h, first, rows);
        gates(s, first, grad_h);
    }

    void gates(RecurrentStepBackward& s, Index first, View grad_h) {
        const bool adds = call_.cell == Cell::gru || call_.cell == Cell::gru_reset_before;
        switch (call_.cell) {
            case Cell::rnn:
                run_part(s, RecurrentPart::rnn);
                break;
            case Cell::lstm:
                normalises() ? normalised(s, first) : run_part(s, RecurrentPart::lstm);
                break;
            case Cell::gru:
                run_part(s, RecurrentPart::gru);
                break;
            case Cell::gru_reset_before:
                reset_before(s, first, grad_h);
                break;
            case Cell::min_gru:
                return run_part(s, RecurrentPart::min_gru);
            case Cell::min_lstm:
                return run_part(s, RecurrentPart::min_lstm);
        }
        to_state(first, grad_h, adds);
    }

    static void run_part(RecurrentStepBackward& s, RecurrentPart part) {
        s.part = part;
        detail::simd().recurrent_step_backward(s);
    }

    // From the gradient of U h to that of h: grad_h, which already has a part of it if it `adds`.
    void to_state(Index first, View grad_h, bool adds) {
        const ConstView grad = grad_products_.middle_rows(first, grad_h.rows);
        if (!call_.mask.data) return detail::product(grad, packed_->recurrent_back, grad_h, adds);
        const View left = grad_left_.middle_rows(first, grad_h.rows);
        detail::product(grad, packed_->recurrent_back, left, call_.cell == Cell::gru_reset_before);
        for (Index i = 0; i < left.rows; ++i) {
            const Real* factor = call_.mask.row(order_.sequence(first + i));
            for (Index k = 0; k < left.cols; ++k)
                grad_h(i, k) = (adds ? grad_h(i, k) : Real{0}) + factor[k] * left(i, k);
        }
    }

    View unproject(Index first, ConstView grad_h) {
        for (Index i = 0; i < grad_h.rows; ++i)
            std::copy_n(grad_h.row(i), grad_h.cols, grad_states.row(places_[first + i]));
        const View hidden = grad_hidden_.middle_rows(first, grad_h.rows);
        detail::product(grad_h, packed_->projection_back, hidden, false);
        return hidden;
    }

    void reset_before(RecurrentStepBackward& s, Index first, View grad_h) {
        // The candidate's gradient goes through U_n to r h, and from there to r and h.
        const View grad_n = normal_.middle_rows(first, s.rows), grad_reset = grad_normal_.middle_rows(first, s.rows);
        s.grad_candidates = grad_n.data;
        run_part(s, RecurrentPart::candidate);
        detail::product(grad_n, packed_->candidate_back, grad_reset, false);
        const View left = left_.middle_rows(first, s.rows);
        for (Index i = 0; i < s.rows; ++i) {
            const Real* h = s.before + s.before_places[i] * shape_.state;
            const Real* factor = call_.mask.data ? call_.mask.row(order_.sequence(first + i)) : nullptr;
            for (Index k = 0; k < left.cols; ++k) left(i, k) = factor ? factor[k] * h[k] : h[k];
            if (factor) std::fill_n(grad_left_.row(first + i), left.cols, Real{0});
        }
        s.left = left.data;
        s.normal = grad_reset.data;
        s.grad_left = call_.mask.data ? grad_left_.row(first) : grad_h.data;
        run_part(s, RecurrentPart::reset);
    }

    void normalised(RecurrentStepBackward& s, Index first) {
        const RecurrentMatrices<ConstView>& m = call_.weights;
        const Index d = shape_.width;
        const View normal = normal_.middle_rows(first, s.rows), grad_normal = grad_normal_.middle_rows(first, s.rows);
        for (Index i = 0; i < s.rows; ++i) {
            const Real *cell = saved_.cells.row(s.places[i]), *scales = saved_.scales.row(s.places[i]);
            for (Index k = 0; k < d; ++k)
                normal(i, k) = (cell[k] - scales[2]) * scales[3] * m.cell_gain.data[k] + m.cell_bias.data[k];
        }
        s.normal = normal.data;
        s.grad_normal = grad_normal.data;
        run_part(s, RecurrentPart::lstm_out);
        for (Index i = 0; i < s.rows; ++i) {
            std::copy_n(grad_normal.row(i), d, grad_normals.row(s.places[i]));
            const Real* scales = saved_.scales.row(s.places[i]);
            detail::simd().norm_row_backward({saved_.cells.row(s.places[i]), m.cell_gain.data, scales[2], scales[3]},
                                             grad_normal.row(i), s.c + i * d, nullptr, nullptr, d);
        }
        run_part(s, RecurrentPart::lstm_cell);
        for (Index i = 0; i < s.rows; ++i) {
            const Real* scales = saved_.scales.row(s.places[i]);
            Real* const to = grad_products_.row(first + i);
            std::fill_n(to, 4 * d, Real{0});
            detail::simd().norm_row_backward({saved_.sums.row(s.places[i]), m.gate_gain.data, scales[0], scales[1]},
                                             grad_gates.row(s.places[i]), to, nullptr, nullptr, 4 * d);
            std::copy_n(to, 4 * d, grad_sums.row(s.places[i]));
        }
    }

    const RecurrentCall& call_;
    const RecurrentSaved& saved_;
    ConstView out_;
    const RecurrentOutputGradients& grad_out_;
    const RecurrentInputGradients& grad_in_;
    RecurrentShape shape_;
    detail::RecurrentOrder order_;
    std::span<Index> places_, before_places_;
    View zeros_, h_, c_, grad_products_, left_, grad_left_, normal_, grad_normal_, grad_hidden_;
    const RecurrentPacked* packed_;
};

// The gradients of the weights, from those of all steps at once.
class WeightGradients {
  public:
    WeightGradients(const RecurrentCall& call, const RecurrentSaved& saved, ConstView out, const Backward& steps,
                    const RecurrentInputGradients& grad_in, const RecurrentShape& shape, Arena& arena)
        : call_(call),
          saved_(saved),
          out_(out),
          steps_(steps),
          grad_gates_(steps.grad_gates),
          grads_(grad_in.weights),
          d_(shape.width),
          arena_(arena) {}

    void add() {
        if (out_.rows == 0) return;
        if (grads_.input.data) gemm(1, grad_gates_, Transpose::yes, call_.x, Transpose::no, 1, grads_.input);
        if (grads_.bias.data) detail::add_rows(grad_gates_, grads_.bias, arena_);
        if (grads_.recurrent.data) add_recurrent();
        if (grads_.reset_bias.data) detail::add_rows(steps_.grad_cells, grads_.reset_bias, arena_);
        if (grads_.peepholes.data) add_peepholes();
        if (grads_.projection.data)
            gemm(1, steps_.grad_states, Transpose::yes, saved_.hidden, Transpose::no, 1, grads_.projection);
        if (grads_.gate_gain.data)
            add_normal(saved_.sums, 0, grad_gates_, call_.weights.gate_gain, grads_.gate_gain, {});
        if (grads_.cell_gain.data || grads_.cell_bias.data)
            add_normal(saved_.cells, 2, steps_.grad_normals, call_.weights.cell_gain, grads_.cell_gain,
                       grads_.cell_bias);
    }

  private:
    // Rows of the states before each step: of `states`, and of `initial` before the first.
    View before(ConstView states, ConstView initial) const {
        const View all = arena_.matrix(states.rows, states.cols);
        for (std::size_t i = 0; i + 1 < call_.offsets.size(); ++i) {
            const Index rows = call_.offsets[i + 1] - call_.offsets[i];
            const bool forwards = call_.direction == Direction::forwards;
            if (rows == 0) continue;
            const Index first = forwards ? call_.offsets[i] : call_.offsets[i + 1] - 1;
            std::copy_n(states.row(call_.offsets[i] + (forwards ? 0 : 1)), (rows - 1) * all.cols,
                        all.row(call_.offsets[i] + (forwards ? 1 : 0)));
            if (initial.data)
                std::copy_n(initial.row(static_cast<Index>(i)), all.cols, all.row(first));
            else
                std::fill_n(all.row(first), all.cols, Real{0});
        }
        return all;
    }

    // h as U reads it, before each step.
    View read_by_weights() const {
        const View h = before(out_, call_.h);
        for (std::size_t i = 0; i + 1 < call_.offsets.size() && call_.mask.data; ++i)
            for (Index row = call_.offsets[i]; row < call_.offsets[i + 1]; ++row)
                for (Index k = 0; k < h.cols; ++k) h(row, k) *= call_.mask(static_cast<Index>(i), k);
        return h;
    }

    // The gradient of rows [gate, gate + count) * d of U, from columns of `grad`.
    void add_gates(ConstView grad, Index column, Index gate, Index count, ConstView h) const {
        detail::multiply({.rows = count * d_,
                          .cols = h.cols,
                          .depth = h.rows,
                          .a = grad.data + column * d_,
                          .a_row = 1,
                          .a_step = grad.cols,
                          .b = h.data,
                          .b_row = h.cols,
                          .c = grads_.recurrent.row(gate * d_),
                          .c_row = h.cols},
                         1, 1, true);
    }

    void add_recurrent() const {
        const ArenaScope scope(arena_);
        const View h = read_by_weights();
        switch (call_.cell) {
            case Cell::gru:
                add_gates(grad_gates_, 0, 0, 2, h);
                return add_gates(steps_.grad_cells, 0, 2, 1, h);
            case Cell::gru_reset_before:
                add_gates(grad_gates_, 0, 0, 2, h);
                for (Index i = 0; i < h.rows; ++i)
                    for (Index k = 0; k < d_; ++k) h(i, k) *= saved_.gates(i, k);
                return add_gates(grad_gates_, 2, 2, 1, h);
            default:
                return add_gates(steps_.grad_sums.data ? ConstView(steps_.grad_sums) : grad_gates_, 0, 0,
                                 grad_gates_.cols / d_, h);
        }
    }

    void add_peepholes() const {
        const ArenaScope scope(arena_);
        const View c = before(saved_.cells, call_.c);
        const std::span<double> sums = arena_.take<double>(3 * d_);
        std::ranges::fill(sums, 0.0);
        for (Index i = 0; i < c.rows; ++i)
            for (Index k = 0; k < d_; ++k) {
                sums[k] += double{grad_gates_(i, k)} * double{c(i, k)};
                sums[d_ + k] += double{grad_gates_(i, d_ + k)} * double{c(i, k)};
                sums[2 * d_ + k] += double{grad_gates_(i, 3 * d_ + k)} * double{saved_.cells(i, k)};
            }
        for (Index k = 0; k < 3 * d_; ++k) grads_.peepholes.data[k] += static_cast<Real>(sums[k]);
    }

    void add_normal(ConstView in, Index scales, ConstView grad, ConstView gain, View grad_gain, View grad_bias) const {
        for (Index i = 0; i < in.rows; ++i)
            detail::simd().norm_row_backward(
                {in.row(i), gain.data, saved_.scales(i, scales), saved_.scales(i, scales + 1)}, grad.row(i), nullptr,
                grad_gain.data, grad_bias.data, in.cols);
    }

    const RecurrentCall& call_;
    const RecurrentSaved& saved_;
    ConstView out_;
    const Backward& steps_;
    ConstView grad_gates_;
    const RecurrentMatrices<View>& grads_;
    Index d_;
    Arena& arena_;
};
}  // namespace

static bool fits(ConstView grad, ConstView of) { return !grad.data || same_shape(grad, of); }

void recurrent_backward(const RecurrentCall& call, const RecurrentSaved& saved, ConstView out,
                        const RecurrentOutputGradients& grad_out, const RecurrentInputGradients& grad_in,
                        Arena& scratch) {
    const RecurrentShape shape = recurrent_shape(call);
    const RecurrentMatrices<ConstView>& m = call.weights;
    const RecurrentMatrices<View>& g = grad_in.weights;
    const auto saves = [&](ConstView x, bool needed, Index cols) {
        return !needed || (x.data && x.rows == shape.rows && x.cols == cols) || shape.rows == 0;
    };
    require_shape(saves(saved.cells, call.cell == Cell::lstm || call.cell == Cell::gru, shape.width) &&
                      saves(saved.hidden, m.projection.data, shape.width) &&
                      saves(saved.sums, m.gate_gain.data, shape.gates * shape.width) &&
                      saves(saved.scales, m.gate_gain.data, 4),
                  "recurrent_backward", "what recurrent() saved in the room of training");
    const auto is = [](ConstView x, Index rows, Index cols) { return !x.data || (x.rows == rows && x.cols == cols); };
    require_shape(
        out.rows == shape.rows && out.cols == shape.state && fits(grad_in.x, call.x) && fits(grad_out.out, out) &&
            is(grad_out.last_h, shape.sequences, shape.state) && is(grad_out.last_c, shape.sequences, shape.width) &&
            is(grad_in.h, shape.sequences, shape.state) && is(grad_in.c, shape.sequences, shape.width) &&
            fits(g.input, m.input) && fits(g.bias, m.bias) && fits(g.recurrent, m.recurrent) &&
            fits(g.reset_bias, m.reset_bias) && fits(g.peepholes, m.peepholes) && fits(g.projection, m.projection) &&
            fits(g.gate_gain, m.gate_gain) && fits(g.cell_gain, m.cell_gain) && fits(g.cell_bias, m.cell_bias),
        "recurrent_backward", "what recurrent() was called with, and gradients of the same shapes, or empty");
    const ArenaScope scope(scratch);
    Backward steps(call, saved, out, grad_out, grad_in, shape, scratch);
    steps.run();
    WeightGradients(call, saved, out, steps, grad_in, shape, scratch).add();
}

}  // namespace kvmem
