#include "tasks/sequences/models/transformer_layers_onnx.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/kernels/normalize.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <utility>

namespace kvmem::onnx {

void require_onnx_layers(FieldsRef settings) {
    static const std::map<std::string_view, std::vector<std::string_view>> possible{
        {"positions", {"none", "sinusoidal", "rotary", "learned"}},
        {"norm", {"layer"}},
        {"key_heads", {"0"}},
        {"mixer", {"attention"}},
        {"product_keys", {"0"}}};
    for (const FieldText& field : field_texts(settings)) {
        const auto found = possible.find(field.name);
        if (found == possible.end() || std::ranges::find(found->second, field.value) != found->second.end()) continue;
        std::string expected;
        for (const std::string_view value : found->second)
            expected += (expected.empty() ? "" : " or ") + std::string(value);
        throw Error({.what = "a network of these settings cannot be exported to ONNX",
                     .expected = field.name + " " + expected,
                     .got = field.value,
                     .hint = "safetensors has the weights of every network"});
    }
}

// --- positions

// 0, 1 .. up to the number of rows of x along an axis, or that number alone.
static Value extent(const Value& x, std::int64_t axis) { return slice(apply("Shape", x), 0, axis, axis + 1); }
static Value counted(const Value& x, std::int64_t axis) {
    Graph& g = *x.graph;
    return g.node("Range", {g.integer(0), squeeze(extent(x, axis), 0), g.integer(1)});
}

// sin(position * rate + phase), in double because positions may be large: [positions, columns].
static Value waves(const Value& positions, std::span<const double> rates, std::span<const double> phases) {
    Graph& g = *positions.graph;
    const Value angles = unsqueeze(cast(positions, Type::float64), 1) * g.constant(rates);
    return cast(apply("Sin", angles + g.constant(phases)), Type::float32);
}

static double rate_of(Index pair, Index width) {
    return std::pow(10000.0, -2 * static_cast<double>(pair) / static_cast<double>(width));
}

static constexpr double quarter = std::numbers::pi / 2;  // of a cosine beside its sine

Value LayersGraph::place(const Value& x, const Value& positions) const {
    if (settings_.positions == Positions::learned) return x + gather(graph_.parameter(name_ + ".positions"), positions);
    if (settings_.positions != Positions::sinusoidal) return x;
    std::vector<double> rates, phases;
    for (Index j = 0; j < settings_.width; ++j) {
        rates.push_back(rate_of(j / 2, settings_.width));
        phases.push_back(j % 2 == 0 ? 0 : quarter);
    }
    return x + waves(positions, rates, phases);
}

// Queries or keys [batch, heads, n, D] at these positions, with rotary ones.
Value LayersGraph::turned(const Value& heads, const Value& positions) const {
    if (settings_.positions != Positions::rotary) return heads;
    const Index half = head_width() / 2;
    std::vector<double> rates, none(static_cast<std::size_t>(half)), quarters(none.size(), quarter);
    for (Index j = 0; j < half; ++j) rates.push_back(rate_of(j, head_width()));
    const Value cosine = waves(positions, rates, quarters), sine = waves(positions, rates, none);
    const Value a = slice(heads, 3, 0, half), b = slice(heads, 3, half, 2 * half);
    return concat({a * cosine - b * sine, b * cosine + a * sine}, 3);
}

// --- layers

Value LayersGraph::norm(const Value& x, const std::string& name) const {
    return graph_.node("LayerNormalization", {x, graph_.parameter(name + ".gain"), graph_.parameter(name + ".bias")},
                       {{"epsilon", static_cast<float>(layer_norm_epsilon)}});
}

Value LayersGraph::feed_forward(const Value& x, const std::string& name) const {
    Value inner = linear(x, name + ".in");
    if (settings_.feed_forward == FeedForwardForm::gelu)
        inner = Real{0.5} * inner * (1 + apply("Erf", static_cast<Real>(1 / std::numbers::sqrt2) * inner));
    else if (settings_.feed_forward == FeedForwardForm::swiglu)
        inner = inner * apply("Sigmoid", inner) * linear(x, name + ".times");
    else
        inner = apply("Relu", inner);
    return linear(inner, name + ".out");
}

// The projection of x [batch, n, d] by one of an attention's maps: [batch, heads, n, D].
Value LayersGraph::heads_of(const Value& x, const std::string& name) const {
    return transpose(reshape(linear(x, name), {0, 0, -1, head_width()}), {0, 2, 1, 3});
}

LayersGraph::Read LayersGraph::attend(const Value& queries, const Value& keys, const Value& values, const Value& mask,
                                      const std::string& name) const {
    const Real scale = 1 / std::sqrt(static_cast<Real>(head_width()));
    Value scores = matmul(scale * queries, transpose(keys, {0, 1, 3, 2}));
    if (const auto cap = static_cast<Real>(settings_.softcap); cap > 0)
        scores = cap * apply("Tanh", (1 / cap) * scores);
    const Value weights = mask.graph ? masked_softmax(scores, mask) : apply("Softmax", scores);
    const Value read = reshape(transpose(matmul(weights, values), {0, 2, 1, 3}), {0, 0, settings_.width});
    return {linear(read, name + ".out"), weights};
}

template <class F>
Value LayersGraph::sub_layer(const Value& x, const std::string& name, F f) const {
    return settings_.norm_order == NormOrder::pre ? x + f(norm(x, name)) : norm(x + f(x), name);
}

Value LayersGraph::last_norm(const Value& x) const {
    return settings_.norm_order == NormOrder::pre ? norm(x, name_ + ".norm") : x;
}

static Value over_heads(const Value& mask) { return unsqueeze(unsqueeze(mask, 1), 1); }

Value LayersGraph::encode(const Value& x, const Value& mask) const {
    const Value positions = counted(x, 1), visible = over_heads(mask);
    Value rows = place(x, positions);
    for (Index i = 0; i < layers_; ++i) {
        const std::string self = part(i, "self");
        rows = sub_layer(rows, part(i, "norm1"), [&](const Value& y) {
            return attend(turned(heads_of(y, self + ".query"), positions),
                          turned(heads_of(y, self + ".key"), positions), heads_of(y, self + ".value"), visible, self)
                .out;
        });
        rows =
            sub_layer(rows, part(i, "norm2"), [&](const Value& y) { return feed_forward(y, part(i, "feed_forward")); });
    }
    return last_norm(rows);
}

// --- steps

static Value layer_of(const Value& all, Index layer) { return squeeze(slice(all, 1, layer, layer + 1), 1); }

static Value stacked(const std::vector<Value>& layers) {
    std::vector<Value> parts;
    parts.reserve(layers.size());
    for (const Value& layer : layers) parts.push_back(unsqueeze(layer, 1));
    return concat(parts, 1);
}

LayerCache LayersGraph::project(const Value& memory) const {
    std::vector<Value> keys, values;
    for (Index i = 0; i < layers_; ++i) {
        keys.push_back(heads_of(memory, part(i, "memory.key")));
        values.push_back(heads_of(memory, part(i, "memory.value")));
    }
    return {stacked(keys), stacked(values)};
}

LayersGraph::Step LayersGraph::step(const Value& x, const LayerCache& cache, Index window, const LayerCache* memory,
                                    const Value& mask) const {
    const Value position = extent(cache.keys, 3), visible = memory ? over_heads(mask) : Value();
    const auto seen = [&](const Value& rows) {
        return window > 0 ? slice(rows, 2, -window, std::numeric_limits<std::int64_t>::max()) : rows;
    };
    Step done{place(x, position), {}};
    std::vector<Value> keys, values;
    for (Index i = 0; i < layers_; ++i) {
        const std::string self = part(i, "self"), other = part(i, "memory");
        done.out = sub_layer(done.out, part(i, "norm1"), [&](const Value& y) {
            keys.push_back(concat({layer_of(cache.keys, i), turned(heads_of(y, self + ".key"), position)}, 2));
            values.push_back(concat({layer_of(cache.values, i), heads_of(y, self + ".value")}, 2));
            const Value query = turned(heads_of(y, self + ".query"), position);
            return attend(query, seen(keys.back()), seen(values.back()), {}, self).out;
        });
        if (memory)
            done.out = sub_layer(done.out, part(i, "norm_memory"), [&](const Value& y) {
                const Read read = attend(heads_of(y, other + ".query"), layer_of(memory->keys, i),
                                         layer_of(memory->values, i), visible, other);
                done.weights.push_back(squeeze(read.weights, 2));
                return read.out;
            });
        done.out = sub_layer(done.out, part(i, "norm2"),
                             [&](const Value& y) { return feed_forward(y, part(i, "feed_forward")); });
    }
    done.out = last_norm(done.out);
    done.cache = {stacked(keys), stacked(values)};
    return done;
}

LayerCache LayersGraph::input(const std::string& name, const char* length, const std::string& about) const {
    const std::vector<Extent> shape{"batch", layers_, settings_.heads, length, head_width()};
    return {graph_.input(name + "_keys", Type::float32, shape, about),
            graph_.input(name + "_values", Type::float32, shape, about)};
}

void LayersGraph::output(const std::string& name, const LayerCache& cache, const char* length,
                         const std::string& about) const {
    const std::vector<Extent> shape{"batch", layers_, settings_.heads, length, head_width()};
    graph_.output(name + "_keys", cache.keys, Type::float32, shape, about);
    graph_.output(name + "_values", cache.values, Type::float32, shape, about);
}

// --- both ends

Value symbols(const Value& tokens, const std::string& table, const TransformerSettings& settings) {
    return std::sqrt(static_cast<Real>(settings.width)) * gather(tokens.graph->parameter(table), as_rows(tokens));
}

Value symbol_scores(const Value& states, const std::string& table, const TransformerSettings& settings) {
    Graph& g = *states.graph;
    return linear(states, g.parameter(settings.tied ? table : "out.weight")) + g.parameter("out.bias");
}

}  // namespace kvmem::onnx
