#include "kvmem/nn/recurrent_weights.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <utility>

namespace kvmem {

static constexpr const char* in_recurrent_weights = "recurrent weights";

namespace {
// How a library has a layer with these weights.
struct Layout {
    RecurrentMatrices<Parameter*> own;
    Index width, gates, bias_rows;
    bool transposed;
    std::array<Index, 4> place;  // of own gate g among the library's

    Layout(const Recurrent& network, Index layer, Direction direction, WeightFormat format)
        : own(network.weights(layer, direction)), width(network.options().width) {
        const RecurrentOptions& o = network.options();
        const bool onnx = format == WeightFormat::onnx, pytorch = format == WeightFormat::pytorch;
        require_shape(!is_minimal(o.cell) && !o.layer_norm, in_recurrent_weights, "a cell that other libraries have");
        require_shape(!pytorch || o.cell != Cell::gru_reset_before, in_recurrent_weights,
                      "a GRU that resets after, as PyTorch's does");
        require_shape((!o.peepholes || onnx) && (o.projection == 0 || pytorch), in_recurrent_weights,
                      "peepholes for ONNX alone, a projection for PyTorch alone");
        gates = gate_count(o.cell);
        transposed = format == WeightFormat::keras;
        bias_rows = transposed && o.cell != Cell::gru ? 1 : 2;
        place = {0, 1, 2, 3};
        if (o.cell == Cell::lstm && onnx) place = {0, 2, 3, 1};
        if (gates == 3 && !pytorch) place = {1, 0, 2};
    }

    // Calls body(own row, library's row) for each unit of each gate.
    template <class Body>
    void each_row(Body body) const {
        for (Index g = 0; g < gates; ++g)
            for (Index k = 0; k < width; ++k) body(g * width + k, place[g] * width + k);
    }
};
}  // namespace

static constexpr Index peephole_place[] = {0, 2, 1};  // of own i, f, o among ONNX's

static bool has_shape(const Matrix& m, Index rows, Index cols) { return m.rows() == rows && m.cols() == cols; }

static bool is_bias(const Matrix& bias, const Layout& l) {
    return bias.size() == 0 || has_shape(bias, l.bias_rows, l.gates * l.width);
}

static bool fits(const Parameter* own, const Matrix& other, bool transposed = false) {
    if (!own) return other.size() == 0;
    const Index rows = own->value.rows(), cols = own->value.cols();
    return transposed ? has_shape(other, cols, rows) : has_shape(other, rows, cols);
}

void load_weights(const Recurrent& network, Index layer, Direction direction, WeightFormat format,
                  const ForeignWeights& weights) {
    const Layout l(network, layer, direction, format);
    require_shape(fits(l.own.input, weights.input, l.transposed) &&
                      fits(l.own.recurrent, weights.recurrent, l.transposed) &&
                      fits(l.own.peepholes, weights.peepholes) && fits(l.own.projection, weights.projection) &&
                      is_bias(weights.bias, l),
                  in_recurrent_weights, "matrices of the layer in the library's shapes");
    const auto load = [&](const Matrix& from, Matrix& to) {
        l.each_row([&](Index own, Index other) {
            for (Index k = 0; k < to.cols(); ++k) to(own, k) = l.transposed ? from(k, other) : from(other, k);
        });
    };
    load(weights.input, l.own.input->value);
    load(weights.recurrent, l.own.recurrent->value);
    const auto bias = [&](Index row, Index other) {
        return row < weights.bias.rows() ? weights.bias(row, other) : Real{0};
    };
    l.each_row([&](Index own, Index other) {
        // In the candidate of a GRU that resets after, the second bias is inside of the gate.
        const Index inner = own - 2 * l.width;
        const bool apart = l.own.reset_bias && inner >= 0;
        l.own.bias->value(0, own) = apart ? bias(0, other) : bias(0, other) + bias(1, other);
        if (apart) l.own.reset_bias->value(0, inner) = bias(1, other);
    });
    for (Index p = 0; p < 3 && l.own.peepholes; ++p)
        std::copy_n(weights.peepholes.row(peephole_place[p]), l.width, l.own.peepholes->value.row(p));
    if (l.own.projection) l.own.projection->value = weights.projection;
}

ForeignWeights save_weights(const Recurrent& network, Index layer, Direction direction, WeightFormat format) {
    const Layout l(network, layer, direction, format);
    const auto save = [&](const Matrix& from) {
        Matrix to = l.transposed ? Matrix(from.cols(), from.rows()) : Matrix(from.rows(), from.cols());
        l.each_row([&](Index own, Index other) {
            for (Index k = 0; k < from.cols(); ++k) (l.transposed ? to(k, other) : to(other, k)) = from(own, k);
        });
        return to;
    };
    ForeignWeights weights{save(l.own.input->value), save(l.own.recurrent->value)};
    weights.bias = Matrix(l.bias_rows, l.gates * l.width);
    l.each_row([&](Index own, Index other) {
        weights.bias(0, other) = l.own.bias->value(0, own);
        const Index inner = own - 2 * l.width;
        if (l.own.reset_bias && inner >= 0) weights.bias(1, other) = l.own.reset_bias->value(0, inner);
    });
    if (l.own.peepholes) weights.peepholes = Matrix(3, l.width);
    for (Index p = 0; p < 3 && l.own.peepholes; ++p)
        std::copy_n(l.own.peepholes->value.row(p), l.width, weights.peepholes.row(peephole_place[p]));
    if (l.own.projection) weights.projection = l.own.projection->value;
    return weights;
}

}  // namespace kvmem
