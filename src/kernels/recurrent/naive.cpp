#include "kvmem/kernels/normalize.hpp"
#include "kvmem/kernels/recurrent.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace kvmem::naive {

namespace {
using Numbers = std::vector<double>;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double log_sigmoid(double x) { return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x))); }
double positive(double x) { return x < 0 ? sigmoid(x) : x + 0.5; }

Numbers row_of(ConstView m, Index i, Index cols) {
    return m.empty() ? Numbers(static_cast<std::size_t>(cols)) : Numbers(m.row(i), m.row(i + 1));
}

double product(ConstView m, Index row, const Numbers& x) {
    double sum = 0;
    for (Index k = 0; k < m.cols; ++k) sum += double{m(row, k)} * x[k];
    return sum;
}

Numbers normalised(const Numbers& x, ConstView gain, ConstView bias) {
    double mean = 0, squares = 0;
    for (const double v : x) mean += v / static_cast<double>(x.size());
    for (const double v : x) squares += (v - mean) * (v - mean) / static_cast<double>(x.size());
    Numbers y(x.size());
    for (std::size_t k = 0; k < x.size(); ++k)
        y[k] = (x[k] - mean) / std::sqrt(squares + double{layer_norm_epsilon}) * double{gain.data[k]} +
               (bias.empty() ? 0 : double{bias.data[k]});
    return y;
}

// One sequence at a time: h and c are its state.
struct Sequence {
    const RecurrentCall& call;
    Index width;
    Numbers h, c, factor;

    void step(const Numbers& x) {
        const RecurrentMatrices<ConstView>& m = call.weights;
        Numbers read(h.size()), u(static_cast<std::size_t>(gate_count(call.cell) * width));
        for (std::size_t k = 0; k < h.size(); ++k) read[k] = factor[k] * h[k];
        for (std::size_t g = 0; g < u.size() && !m.recurrent.empty(); ++g)
            u[g] = product(m.recurrent, static_cast<Index>(g), read);
        if (!m.gate_gain.empty()) u = normalised(u, m.gate_gain, {});
        const auto gate = [&](Index g, Index k) { return x[g * width + k] + u[g * width + k]; };
        if (call.cell == Cell::lstm) return lstm(gate);
        Numbers next(h.size());
        for (Index k = 0; k < width; ++k) next[k] = plain(x, gate, u, read, k);
        h = next;
    }

  private:
    template <class Gate>
    void lstm(Gate gate) {
        const RecurrentMatrices<ConstView>& m = call.weights;
        Numbers hidden(c.size()), o(c.size());
        for (Index k = 0; k < width; ++k) {
            const auto peep = [&](Index g) { return m.peepholes.empty() ? 0 : double{m.peepholes(g, k)} * c[k]; };
            const double i = sigmoid(gate(0, k) + peep(0)), f = sigmoid(gate(1, k) + peep(1));
            c[k] = f * c[k] + i * std::tanh(gate(2, k));
            o[k] = sigmoid(gate(3, k) + peep(2));
        }
        const Numbers seen = m.cell_gain.empty() ? c : normalised(c, m.cell_gain, m.cell_bias);
        for (Index k = 0; k < width; ++k) hidden[k] = o[k] * std::tanh(seen[k]);
        for (std::size_t k = 0; k < h.size(); ++k)
            h[k] = m.projection.empty() ? hidden[k] : product(m.projection, static_cast<Index>(k), hidden);
    }

    template <class Gate>
    double plain(const Numbers& x, Gate gate, const Numbers& u, const Numbers& read, Index k) const {
        const RecurrentMatrices<ConstView>& m = call.weights;
        const double last = x[(gate_count(call.cell) - 1) * width + k];
        if (call.cell == Cell::rnn) return std::tanh(gate(0, k));
        if (call.cell == Cell::min_gru) {
            const double z = sigmoid(gate(0, k));
            return (1 - z) * h[k] + z * positive(last);
        }
        if (call.cell == Cell::min_lstm) {
            // i / (f + i) from the logarithms of f and i
            const double share = sigmoid(log_sigmoid(gate(1, k)) - log_sigmoid(gate(0, k)));
            return (1 - share) * h[k] + share * positive(last);
        }
        double inner = 0;
        if (call.cell == Cell::gru)
            inner = sigmoid(gate(0, k)) * (u[2 * width + k] + (m.reset_bias.empty() ? 0 : double{m.reset_bias(0, k)}));
        else
            for (Index j = 0; j < width; ++j)
                inner += double{m.recurrent(2 * width + k, j)} * sigmoid(gate(0, j)) * read[j];
        const double z = sigmoid(gate(1, k));
        return z * h[k] + (1 - z) * std::tanh(last + inner);
    }
};
}  // namespace

static Numbers inputs(const RecurrentCall& call, Index row) {
    const RecurrentMatrices<ConstView>& m = call.weights;
    Numbers x = row_of(call.x, row, call.x.cols);
    if (m.input.empty() && m.bias.empty()) return x;
    Numbers gates(static_cast<std::size_t>(m.input.empty() ? call.x.cols : m.input.rows));
    for (std::size_t g = 0; g < gates.size(); ++g)
        gates[g] = (m.input.empty() ? x[g] : product(m.input, static_cast<Index>(g), x)) +
                   (m.bias.empty() ? 0 : double{m.bias.data[g]});
    return gates;
}

void recurrent(const RecurrentCall& call, View out, View last_h, View last_c) {
    const Index width = recurrent_shape(call).width;
    for (Index i = 0; i + 1 < std::ssize(call.offsets); ++i) {
        Sequence s{call, width, row_of(call.h, i, out.cols), row_of(call.c, i, width), row_of(call.mask, i, out.cols)};
        if (call.mask.empty()) s.factor.assign(s.factor.size(), 1);
        for (Index t = 0; t < call.offsets[i + 1] - call.offsets[i]; ++t) {
            const Index row = call.direction == Direction::forwards ? call.offsets[i] + t : call.offsets[i + 1] - 1 - t;
            s.step(inputs(call, row));
            for (Index k = 0; k < out.cols; ++k) out(row, k) = static_cast<Real>(s.h[k]);
        }
        for (Index k = 0; k < out.cols; ++k) last_h(i, k) = static_cast<Real>(s.h[k]);
        for (Index k = 0; k < last_c.cols && !last_c.empty(); ++k) last_c(i, k) = static_cast<Real>(s.c[k]);
    }
}

}  // namespace kvmem::naive
