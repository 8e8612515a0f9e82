// Steps of recurrent layers: the product of the recurrent weights with the states, and the gates while the product is
// in registers. A vector of a tile is a gate, a lane a unit of the layer, a row a sequence.
#pragma once

#include "kernels/simd/gemm.hpp"
#include "kernels/simd/loops.hpp"

namespace kvmem::KVMEM_SIMD {
namespace {

using detail::RecurrentPart;
using detail::RecurrentStep;
using detail::RecurrentStepBackward;

// Packs u [gates * width, depth]: for each vector of units, the depth row by row, of which each is a vector a gate.
inline void pack_gates(const Real* u, Index gates, Index width, Index depth, Real* out) {
    for (Index k = 0; k < width; k += lanes, out += gates * lanes * depth)
        for (Index g = 0; g < gates; ++g)
            pack_transposed(u + (g * width + k) * depth, depth, min(lanes, width - k), depth, Real(1), out + g * lanes,
                            gates * lanes);
}

// A vector of units of one sequence, of arrays that are `width` wide.
struct Units {
    Index first, count;

    KVMEM_INLINE Vector of(const Real* row) const { return load_up_to(row + first, count); }
    KVMEM_INLINE void set(Real* row, Vector v) const {
        if (row) store_up_to(row + first, v, count);
    }
};

// The candidates of the minimal cells.
KVMEM_INLINE Vector positive(Vector x) { return x < Real(0) ? sigmoid(x) : x + Real(0.5); }
KVMEM_INLINE Vector positive_slope(Vector y) { return y < Real(0.5) ? y * (Real(1) - y) : repeat(1); }

// Where both gates of a minimal LSTM are nearly closed, only their ratio counts: a sum that is not subnormal must be
// left to divide by.
constexpr Real lowest_gates = -60, lowest_gate = -86;

// The gates of a vector of units and what follows from them. products[g * step] is gate g of U h. One function for all
// callers, and not inlined: the same numbers give the same bits wherever they come from.
template <RecurrentPart part>
[[gnu::noinline]] void step_units(const RecurrentStep& s, Index row, Index first, const Real* products, Index step) {
    const Units u{first, min(lanes, s.width - first)};
    const Index place = s.places[row];
    Real* const gates = s.gates + place * s.gate_count * s.width;
    const auto gate = [&](Index g) { return gates + g * s.width; };
    const auto product = [&](Index g) {
        return step == lanes ? load(products + g * step) : u.of(products - first + g * step);
    };
    const auto input = [&](Index g) { return s.bias ? u.of(gate(g)) + u.of(s.bias + g * s.width) : u.of(gate(g)); };
    const auto sum = [&](Index g) { return input(g) + product(g); };
    const auto finish = [&](Vector h) {
        u.set(s.after + row * s.width, h);
        if (s.out) u.set(s.out + place * s.width, h);
    };
    const auto before = [&] { return u.of(s.before + row * s.width); };
    Real* const cell = s.cells ? s.cells + place * s.width : nullptr;

    if constexpr (part == RecurrentPart::rnn) {
        finish(tanh(sum(0)));
    } else if constexpr (part == RecurrentPart::lstm || part == RecurrentPart::lstm_cell) {
        Real* const state = s.c + row * s.width;
        Vector c = u.of(state), i = sum(0), f = sum(1), o = sum(3);
        if (s.peepholes) {
            i += u.of(s.peepholes) * c;
            f += u.of(s.peepholes + s.width) * c;
        }
        i = sigmoid(i);
        f = sigmoid(f);
        const Vector g = tanh(sum(2));
        c = f * c + i * g;
        if (s.peepholes) o += u.of(s.peepholes + 2 * s.width) * c;
        o = sigmoid(o);
        u.set(gate(0), i);
        u.set(gate(1), f);
        u.set(gate(2), g);
        u.set(gate(3), o);
        u.set(state, c);
        u.set(cell, c);
        if constexpr (part == RecurrentPart::lstm) finish(o * tanh(c));
    } else if constexpr (part == RecurrentPart::lstm_out) {
        finish(u.of(gate(3)) * tanh(u.of(s.left + row * s.width)));  // of the normalised c'
    } else if constexpr (part == RecurrentPart::gru) {
        const Vector r = sigmoid(sum(0)), z = sigmoid(sum(1));
        const Vector inner = s.reset_bias ? product(2) + u.of(s.reset_bias) : product(2);
        const Vector n = tanh(input(2) + r * inner);
        u.set(gate(0), r);
        u.set(gate(1), z);
        u.set(gate(2), n);
        u.set(cell, inner);
        finish(n + z * (before() - n));
    } else if constexpr (part == RecurrentPart::reset) {
        const Vector r = sigmoid(sum(0));
        u.set(gate(0), r);
        u.set(gate(1), sigmoid(sum(1)));
        u.set(s.after + row * s.width, r * u.of(s.left + row * s.width));
    } else if constexpr (part == RecurrentPart::candidate) {
        const Vector n = tanh(input(2) + product(0)), z = u.of(gate(1));
        u.set(gate(2), n);
        finish(n + z * (before() - n));
    } else if constexpr (part == RecurrentPart::min_gru) {
        const Vector z = sigmoid(input(0)), n = positive(input(1)), h = before();
        u.set(gate(0), z);
        u.set(gate(1), n);
        finish(h + z * (n - h));
    } else {
        const Vector to_f = input(0), to_i = input(1), open = to_f > to_i ? to_f : to_i;
        const Vector raise = open < lowest_gates ? lowest_gates - open : Vector{};
        const auto bounded = [](Vector x) { return x < lowest_gate ? repeat(lowest_gate) : x; };
        const Vector f = sigmoid(bounded(to_f + raise)), i = sigmoid(bounded(to_i + raise));
        const Vector n = positive(input(2)), h = before();
        u.set(gate(0), f);
        u.set(gate(1), i);
        u.set(gate(2), n);
        finish(h + i / (f + i) * (n - h));
    }
}

// The next step of a sequence is far from this one: what a tile's gates are about to read and write is prefetched
// before its product, which hides the latency.
template <Index rows, Index gates>
KVMEM_INLINE void prefetch_units(const RecurrentStep& s, Index row, Index unit) {
    for (Index r = row; r < row + rows; ++r) {
        const Index place = s.places[r] * s.width + unit;
        for (Index g = 0; g < gates; ++g)
            __builtin_prefetch(s.gates + s.places[r] * s.gate_count * s.width + g * s.width + unit, 1, 3);
        if (s.cells) __builtin_prefetch(s.cells + place, 1, 3);
        if (s.out) __builtin_prefetch(s.out + place, 1, 3);
    }
}

// The steps of sequences [row, s.rows) for a vector of units, whole tiles first.
template <RecurrentPart part, Index gates, Index rows>
KVMEM_INLINE void gate_tiles(const RecurrentStep& s, Index unit, Index row) {
    if constexpr (rows > 0) {
        NoPrefetch none;
        const Real* packed = s.packed + unit * gates * s.depth;
        for (; s.rows - row >= rows; row += rows) {
            prefetch_units<rows, gates>(s, row, unit);
            Vector sum[rows][gates] = {};
            add_products<rows, gates, true>(sum, {s.left + row * s.depth, s.depth, 1}, packed, gates * lanes, s.depth,
                                            lanes, none);
            Real products[rows][gates][lanes];
#pragma GCC unroll 24
            for (Index r = 0; r < rows; ++r)
#pragma GCC unroll 4
                for (Index g = 0; g < gates; ++g) store(products[r][g], sum[r][g]);
            for (Index r = 0; r < rows; ++r) step_units<part>(s, row + r, unit, products[r][0], lanes);
        }
        gate_tiles<part, gates, (rows > 8 ? 8 : rows > 4 ? 4 : rows / 2)>(s, unit, row);
    }
}

// Bound by multiply-adds from about four sequences on, below by the second-level cache, where U lies.
template <RecurrentPart part, Index gates>
inline void step_with_product(const RecurrentStep& s) {
    for (Index unit = 0; unit < s.width; unit += lanes) gate_tiles<part, gates, tile_rows(gates)>(s, unit, 0);
}

// Without a product, or with one that is in memory.
template <RecurrentPart part>
inline void step_without_product(const RecurrentStep& s) {
    for (Index row = 0; row < s.rows; ++row)
        for (Index unit = 0; unit < s.width; unit += lanes)
            step_units<part>(s, row, unit, s.products ? s.products + row * s.gate_count * s.width + unit : nullptr,
                             s.width);
}

inline void recurrent_step(const RecurrentStep& s) {
    switch (s.part) {
        case RecurrentPart::rnn:
            return step_with_product<RecurrentPart::rnn, 1>(s);
        case RecurrentPart::lstm:
            return step_with_product<RecurrentPart::lstm, 4>(s);
        case RecurrentPart::lstm_cell:
            return step_without_product<RecurrentPart::lstm_cell>(s);
        case RecurrentPart::lstm_out:
            return step_without_product<RecurrentPart::lstm_out>(s);
        case RecurrentPart::gru:
            return step_with_product<RecurrentPart::gru, 3>(s);
        case RecurrentPart::reset:
            return step_with_product<RecurrentPart::reset, 2>(s);
        case RecurrentPart::candidate:
            return step_with_product<RecurrentPart::candidate, 1>(s);
        case RecurrentPart::min_gru:
            return step_without_product<RecurrentPart::min_gru>(s);
        case RecurrentPart::min_lstm:
            return step_without_product<RecurrentPart::min_lstm>(s);
    }
}

// From the gradient of h' (s.h) to those of the gates, of c and, of GRUs, of h as far as it passes the gates by.
template <RecurrentPart part>
[[gnu::noinline]] void step_units_backward(const RecurrentStepBackward& s, Index row, Index first) {
    const Units u{first, min(lanes, s.width - first)};
    const Index place = s.places[row];
    const auto gate = [&](Index g) { return u.of(s.gates + (place * s.gate_count + g) * s.width); };
    // The gradient of gate g: by its input, and by its product.
    const auto set_input = [&](Index g, Vector v) { u.set(s.grad_gates + (place * s.gate_count + g) * s.width, v); };
    const auto set_product = [&](Index g, Vector v) {
        u.set(s.grad_products + (row * s.product_gates + g) * s.width, v);
    };
    const auto set_both = [&](Index g, Vector v) {
        set_input(g, v);
        set_product(g, v);
    };
    const auto slope = [](Vector y) { return y * (Real(1) - y); };
    const auto before = [&] { return u.of(s.before + s.before_places[row] * s.width); };
    Real* const grad_h = s.h + row * s.width;
    const Vector grad = u.of(grad_h);

    if constexpr (part == RecurrentPart::rnn) {
        const Vector h = u.of(s.out + place * s.width);
        set_both(0, grad * (Real(1) - h * h));
    } else if constexpr (part == RecurrentPart::lstm_out) {
        const Vector y = tanh(u.of(s.normal + row * s.width)), o = gate(3);
        set_both(3, grad * y * slope(o));
        u.set(s.grad_normal + row * s.width, grad * o * (Real(1) - y * y));
    } else if constexpr (part == RecurrentPart::lstm || part == RecurrentPart::lstm_cell) {
        const Vector i = gate(0), f = gate(1), g = gate(2), o = gate(3);
        Real* const grad_c = s.c + row * s.width;
        Vector total = u.of(grad_c), grad_o;
        if constexpr (part == RecurrentPart::lstm) {
            const Vector y = tanh(u.of(s.cells + place * s.width));
            grad_o = grad * y * slope(o);
            set_both(3, grad_o);
            total += grad * o * (Real(1) - y * y);
        } else {
            grad_o = u.of(s.grad_gates + (place * s.gate_count + 3) * s.width);
        }
        if (s.peepholes) total += grad_o * u.of(s.peepholes + 2 * s.width);
        const Vector c = u.of(s.c_before + s.before_places[row] * s.width);
        const Vector grad_i = total * g * slope(i), grad_f = total * c * slope(f);
        set_both(0, grad_i);
        set_both(1, grad_f);
        set_both(2, total * i * (Real(1) - g * g));
        total *= f;
        if (s.peepholes) total += grad_i * u.of(s.peepholes) + grad_f * u.of(s.peepholes + s.width);
        u.set(grad_c, total);
    } else if constexpr (part == RecurrentPart::gru) {
        const Vector r = gate(0), z = gate(1), n = gate(2), inner = u.of(s.cells + place * s.width);
        const Vector grad_n = grad * (Real(1) - z) * (Real(1) - n * n);
        set_both(0, grad_n * inner * slope(r));
        set_both(1, grad * (before() - n) * slope(z));
        set_input(2, grad_n);
        set_product(2, grad_n * r);
        u.set(s.grad_cells + place * s.width, grad_n * r);
        u.set(grad_h, grad * z);
    } else if constexpr (part == RecurrentPart::candidate) {
        const Vector z = gate(1), n = gate(2);
        const Vector grad_n = grad * (Real(1) - z) * (Real(1) - n * n);
        set_input(1, grad * (before() - n) * slope(z));
        set_input(2, grad_n);
        u.set(s.grad_candidates + row * s.width, grad_n);
        u.set(grad_h, grad * z);
    } else if constexpr (part == RecurrentPart::reset) {
        // s.normal is the gradient of r h, s.left what U reads for h.
        const Vector r = gate(0), inner = u.of(s.normal + row * s.width);
        set_both(0, inner * u.of(s.left + row * s.width) * slope(r));
        set_product(1, u.of(s.grad_gates + (place * s.gate_count + 1) * s.width));
        u.set(s.grad_left + row * s.width, u.of(s.grad_left + row * s.width) + inner * r);
    } else if constexpr (part == RecurrentPart::min_gru) {
        const Vector z = gate(0), n = gate(1);
        set_input(0, grad * (n - before()) * slope(z));
        set_input(1, grad * z * positive_slope(n));
        u.set(grad_h, grad * (Real(1) - z));
    } else {
        const Vector f = gate(0), i = gate(1), n = gate(2), z = i / (f + i);
        const Vector by_share = grad * (n - before()) * slope(z);
        set_input(0, -by_share * (Real(1) - f));
        set_input(1, by_share * (Real(1) - i));
        set_input(2, grad * z * positive_slope(n));
        u.set(grad_h, grad * (Real(1) - z));
    }
}

template <RecurrentPart part>
inline void all_units_backward(const RecurrentStepBackward& s) {
    for (Index row = 0; row < s.rows; ++row)
        for (Index unit = 0; unit < s.width; unit += lanes) step_units_backward<part>(s, row, unit);
}

inline void recurrent_step_backward(const RecurrentStepBackward& s) {
    switch (s.part) {
        case RecurrentPart::rnn:
            return all_units_backward<RecurrentPart::rnn>(s);
        case RecurrentPart::lstm:
            return all_units_backward<RecurrentPart::lstm>(s);
        case RecurrentPart::lstm_cell:
            return all_units_backward<RecurrentPart::lstm_cell>(s);
        case RecurrentPart::lstm_out:
            return all_units_backward<RecurrentPart::lstm_out>(s);
        case RecurrentPart::gru:
            return all_units_backward<RecurrentPart::gru>(s);
        case RecurrentPart::reset:
            return all_units_backward<RecurrentPart::reset>(s);
        case RecurrentPart::candidate:
            return all_units_backward<RecurrentPart::candidate>(s);
        case RecurrentPart::min_gru:
            return all_units_backward<RecurrentPart::min_gru>(s);
        case RecurrentPart::min_lstm:
            return all_units_backward<RecurrentPart::min_lstm>(s);
    }
}

// A matrix that many products share, packed once.
inline void pack_panels(const Product& p, Index b_step, Real* out) { pack_b(p, 1, b_step, 0, p.depth, 0, p.cols, out); }
inline void packed_product(bool add, const Product& p) {
    NoPrefetch none;
    for (Index at = 0; at < p.cols; at += panel)
        part_product<panel_vectors>(add ? Start::add : Start::zero, p.rows, min(panel, p.cols - at), p.depth,
                                    {p.a, p.a_row, p.a_step}, p.b + at * p.depth, panel, p.c + at, p.c_row, none);
}

}  // namespace
}  // namespace kvmem::KVMEM_SIMD
