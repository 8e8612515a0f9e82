#include "tasks/sequences/models/recurrent_onnx.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/nn/recurrent_weights.hpp"

namespace kvmem::onnx {

void require_onnx_cell(Cell cell) {
    if (is_minimal(cell))
        throw Error({.what = "a network of this cell cannot be exported to ONNX",
                     .expected = "rnn, lstm, gru or gru-reset-before",
                     .got = choices(cell)[static_cast<std::size_t>(cell)],
                     .hint = "safetensors has the weights of every network"});
}

static const char* node_type(Cell cell) { return cell == Cell::lstm ? "LSTM" : cell == Cell::rnn ? "RNN" : "GRU"; }

static void append(std::vector<Real>& all, const Matrix& matrix) {
    all.insert(all.end(), matrix.data(), matrix.data() + matrix.size());
}

// W, R and B of a layer, its directions one behind the other.
static std::vector<Value> weights_of(Graph& graph, const Recurrent& network, Index layer) {
    const RecurrentOptions& o = network.options();
    std::vector<Real> input, recurrent, bias;
    std::int64_t directions = 0, in = 0, rows = 0;
    for (const Direction direction : {Direction::forwards, Direction::backwards}) {
        if (direction == Direction::backwards && !o.bidirectional) continue;
        const ForeignWeights weights = save_weights(network, layer, direction, WeightFormat::onnx);
        append(input, weights.input), append(recurrent, weights.recurrent), append(bias, weights.bias);
        rows = weights.input.rows(), in = weights.input.cols(), ++directions;
    }
    return {graph.constant(input, {directions, rows, in}), graph.constant(recurrent, {directions, rows, o.width}),
            graph.constant(bias, {directions, 2 * rows})};
}

RecurrentRun run(const Recurrent& network, const Value& x, const Value& lengths, const StateValues& first) {
    const RecurrentOptions& o = network.options();
    const bool is_lstm = o.cell == Cell::lstm;
    std::vector<Attribute> attributes{{"hidden_size", o.width},
                                      {"direction", std::string(o.bidirectional ? "bidirectional" : "forward")}};
    if (o.cell == Cell::gru) attributes.push_back({"linear_before_reset", std::int64_t{1}});
    RecurrentRun result{x, {}};
    for (Index layer = 0; layer < o.layers; ++layer) {
        const auto at = static_cast<std::size_t>(layer);
        std::vector<Value> inputs{result.out};
        for (const Value& weight : weights_of(*x.graph, network, layer)) inputs.push_back(weight);
        inputs.push_back(lengths);
        inputs.push_back(first.h.empty() ? Value() : first.h[at]);
        if (is_lstm) inputs.push_back(first.c.empty() ? Value() : first.c[at]);
        const std::vector<Value> outputs = x.graph->nodes(node_type(o.cell), inputs, attributes, is_lstm ? 3 : 2);
        result.out = reshape(transpose(outputs[0], {0, 2, 1, 3}), {0, 0, -1});
        result.last.h.push_back(outputs[1]);
        if (is_lstm) result.last.c.push_back(outputs[2]);
    }
    return result;
}

StateValues input_states(Graph& graph, const RecurrentOptions& options, const std::string& about) {
    const auto input = [&](const char* name) {
        const Value all =
            transpose(graph.input(name, Type::float32, {"batch", options.layers, options.width}, about), {1, 0, 2});
        std::vector<Value> layers;
        for (Index layer = 0; layer < options.layers; ++layer) layers.push_back(slice(all, 0, layer, layer + 1));
        return layers;
    };
    StateValues states{.h = input("h"), .c = {}};
    if (options.cell == Cell::lstm) states.c = input("c");
    return states;
}

void output_layers(Graph& graph, const std::string& name, const std::vector<Value>& layers, Index width) {
    std::vector<Value> parts;
    parts.reserve(layers.size());
    for (const Value& layer : layers) parts.push_back(unsqueeze(layer, 1));
    graph.output(name, concat(parts, 1), Type::float32, {"batch", std::ssize(layers), width},
                 "the state of all layers");
}

void output_states(Graph& graph, const RecurrentOptions& options, const StateValues& states) {
    const auto output = [&](const char* name, const std::vector<Value>& layers) {
        std::vector<Value> rows;
        rows.reserve(layers.size());
        for (const Value& layer : layers) rows.push_back(squeeze(layer, 0));
        output_layers(graph, name, rows, options.width);
    };
    output("next_h", states.h);
    if (!states.c.empty()) output("next_c", states.c);
}

}  // namespace kvmem::onnx
