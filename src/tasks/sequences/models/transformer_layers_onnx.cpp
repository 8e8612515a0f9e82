#include "tasks/sequences/models/transformer_layers_onnx.hpp"

#include "kvmem/kernels/normalize.hpp"
#include "nn/distance_buckets.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

namespace kvmem::onnx {

// --- positions

// The size of x along an axis: [1].
static Value extent(const Value& x, std::int64_t axis) { return slice(apply("Shape", x), 0, axis, axis + 1); }
// 0, 1 .. up to a count [1].
static Value counted(const Value& count) {
    Graph& g = *count.graph;
    return g.node("Range", {g.integer(0), squeeze(count, 0), g.integer(1)});
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

// The bias of the scores of queries at these positions, for `slot_count` slots: [heads, queries, slots], or nothing.
Value LayersGraph::distance_bias(const Value& positions, const Value& slot_count, bool causal) const {
    const bool relative = settings_.positions == Positions::relative;
    if (!relative && settings_.positions != Positions::alibi) return {};
    const Value distance = unsqueeze(positions, 1) - unsqueeze(counted(slot_count), 0);
    if (!relative) {
        std::vector<Real> slopes = alibi_slopes(settings_.heads);
        for (Real& slope : slopes) slope = -slope;
        return graph_.constant(slopes, {settings_.heads, 1, 1}) * apply("Abs", cast(distance, Type::float32));
    }
    Integers buckets;  // of all distances that differ
    const Index max = settings_.max_distance;
    for (Index d = -max; d <= max; ++d) buckets.push_back(bucket_of(d, causal, max));
    const Value last = graph_.integer(2 * max), place = distance + graph_.integer(max);
    const Value bucket = graph_.node("Min", {graph_.node("Max", {place, graph_.integer(0)}), last});
    const Value rows = gather(graph_.parameter(name_ + ".distances"), graph_.constant(buckets));
    return transpose(gather(rows, bucket), {2, 0, 1});
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
    if (settings_.norm == NormForm::rms) {
        const Value squares = unsqueeze(sum(x * x, -1), -1);
        const Value mean = (1 / static_cast<Real>(settings_.width)) * squares;
        return x * apply("Reciprocal", apply("Sqrt", static_cast<Real>(layer_norm_epsilon) + mean)) *
               graph_.parameter(name + ".gain");
    }
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

// Keys or values [batch, key heads, n, D] as each head reads them: [batch, heads, n, D].
Value LayersGraph::for_heads(const Value& rows) const {
    if (key_heads() == settings_.heads) return rows;
    Integers key_head;
    for (Index h = 0; h < settings_.heads; ++h) key_head.push_back(h / (settings_.heads / key_heads()));
    return graph_.node("Gather", {rows, graph_.constant(key_head)}, {{"axis", std::int64_t{1}}});
}

LayersGraph::Read LayersGraph::attend(const Lookup& in, const std::string& name) const {
    const Real scale = 1 / std::sqrt(static_cast<Real>(head_width()));
    Value scores = matmul(scale * in.queries, transpose(for_heads(in.keys), {0, 1, 3, 2}));
    if (const auto cap = static_cast<Real>(settings_.softcap); cap > 0)
        scores = cap * apply("Tanh", (1 / cap) * scores);
    if (in.bias.graph) scores = scores + in.bias;
    const Value weights = in.mask.graph ? masked_softmax(scores, in.mask) : apply("Softmax", scores);
    const Value read = matmul(weights, for_heads(in.values));
    const Value joined = reshape(transpose(read, {0, 2, 1, 3}), {0, 0, settings_.width});
    return {linear(joined, name + ".out"), weights};
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
    const Value length = extent(x, 1), positions = counted(length), visible = over_heads(mask);
    const Value bias = distance_bias(positions, length, false);
    Value rows = place(x, positions);
    for (Index i = 0; i < layers_; ++i) {
        const std::string self = part(i, "self");
        rows = sub_layer(rows, part(i, "norm1"), [&](const Value& y) {
            const Value keys = turned(heads_of(y, self + ".key"), positions);
            const Value queries = turned(heads_of(y, self + ".query"), positions);
            return attend({queries, keys, heads_of(y, self + ".value"), visible, bias}, self).out;
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
        return window > 0 && rows.graph ? slice(rows, 2, -window, std::numeric_limits<std::int64_t>::max()) : rows;
    };
    const Value bias = distance_bias(position, graph_.integer(1) + position, true);
    Step done{place(x, position), {}};
    std::vector<Value> keys, values;
    for (Index i = 0; i < layers_; ++i) {
        const std::string self = part(i, "self"), other = part(i, "memory");
        done.out = sub_layer(done.out, part(i, "norm1"), [&](const Value& y) {
            keys.push_back(concat({layer_of(cache.keys, i), turned(heads_of(y, self + ".key"), position)}, 2));
            values.push_back(concat({layer_of(cache.values, i), heads_of(y, self + ".value")}, 2));
            const Value query = turned(heads_of(y, self + ".query"), position);
            return attend({query, seen(keys.back()), seen(values.back()), {}, seen(bias)}, self).out;
        });
        if (memory)
            done.out = sub_layer(done.out, part(i, "norm_memory"), [&](const Value& y) {
                const Lookup in{heads_of(y, other + ".query"), layer_of(memory->keys, i), layer_of(memory->values, i),
                                visible};
                const Read read = attend(in, other);
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
    const std::vector<Extent> shape = cache_shape(length);
    return {graph_.input(name + "_keys", Type::float32, shape, about),
            graph_.input(name + "_values", Type::float32, shape, about)};
}

void LayersGraph::output(const std::string& name, const LayerCache& cache, const char* length,
                         const std::string& about) const {
    const std::vector<Extent> shape = cache_shape(length);
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
