#include "kvmem/nn/transformer.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/kernels/positions.hpp"
#include "nn/distance_buckets.hpp"
#include "nn/rows_of.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kvmem {

static constexpr const char* in_transformer = "TransformerStack";

// Called before any parameter is made, so that an Error leaves none behind.
static TransformerOptions filled_in(TransformerOptions o) {
    constexpr Index max_width = Index{1} << 31;  // products of two do not overflow
    require_shape(o.width >= 1 && o.width <= max_width && o.inner >= 0 && o.inner <= max_width, in_transformer,
                  "positive widths");
    require_shape(o.heads >= 1 && o.width % o.heads == 0, in_transformer, "heads that divide the width");
    require_shape(o.layers >= 1 && o.window >= 0, in_transformer,
                  "at least one layer, and a window of 0 (none) or more rows");
    for (const double rate : {o.dropout, o.attention_dropout})
        require_shape(rate >= 0 && rate < 1, in_transformer, "a dropout from 0 to below 1");
    require_shape(o.softcap >= 0 && o.max_positions >= 1 && o.max_distance >= 1, in_transformer,
                  "a softcap of 0 (none) or more, positions and distances");
    require_shape(o.key_heads >= 0 && o.heads % std::max<Index>(o.key_heads, 1) == 0, in_transformer,
                  "key heads that divide the heads");
    require_shape(o.positions != Positions::rotary || o.width / o.heads % 2 == 0, in_transformer,
                  "heads of an even width for rotary positions");
    require_shape(o.mixer == Mixer::attention || o.causal, in_transformer, "a causal stack for the delta rule");
    require_shape(o.product_keys >= 0, in_transformer, "a number of product keys that is not negative");
    if (o.inner == 0) o.inner = 4 * o.width;
    if (o.mixer == Mixer::delta) o.positions = Positions::none;
    return o;
}

void TransformerCache::reorder(std::span<const Index> rows) {
    for (KeyValueCache& layer : self) layer.reorder(rows);
    std::vector<Matrix> next;
    for (const Matrix& layer : delta) next.push_back(rows_of(layer, rows));
    delta = std::move(next);
}

// --- one layer

std::vector<Real> alibi_slopes(Index heads) {
    std::vector<Real> slopes;
    for (Index h = 1; h <= heads; ++h)
        slopes.push_back(static_cast<Real>(std::exp2(-8 * static_cast<double>(h) / static_cast<double>(heads))));
    return slopes;
}

TransformerLayer::TransformerLayer(Parameters& parameters, const std::string& name, const TransformerOptions& options,
                                   std::uint64_t seed)
    : options_(filled_in(options)),
      slopes_(options_.positions == Positions::alibi ? alibi_slopes(options_.heads) : std::vector<Real>()),
      norm1_(parameters, name + ".norm1", options_.width, options_.norm),
      norm2_(parameters, name + ".norm2", options_.width, options_.norm) {
    const TransformerOptions& o = options_;
    const Index keys = o.product_keys;
    MultiHeadOptions attention{.width = o.width, .heads = o.heads, .key_heads = o.key_heads};
    if (o.reads_memory) {
        memory_.emplace(parameters, name + ".memory", attention, seed);
        norm_memory_.emplace(parameters, name + ".norm_memory", o.width, o.norm);
    }
    attention.rotary = o.positions == Positions::rotary;
    if (o.mixer == Mixer::delta)
        delta_.emplace(parameters, name + ".delta", GatedDeltaNetOptions{.width = o.width, .heads = o.heads}, seed);
    else
        self_.emplace(parameters, name + ".self", attention, seed);
    if (keys > 0)
        product_keys_.emplace(
            parameters, name + ".product_keys",
            ProductKeyOptions{.width = o.width, .keys = keys, .top_k = std::min<Index>(32, keys * keys)}, seed);
    else
        feed_forward_.emplace(parameters, name + ".feed_forward", o.width, o.inner, o.feed_forward, seed);
}

AttendOptions TransformerLayer::read_options(const Tape& tape) const {
    AttendOptions how;
    how.softcap = static_cast<Real>(options_.softcap);
    how.dropout = options_.attention_dropout;
    how.alone = options_.causal && !tape.training();
    return how;
}

AttendOptions TransformerLayer::self_options(const Tape& tape) const {
    AttendOptions how = read_options(tape);
    how.causal = options_.causal;
    how.window = options_.window;
    how.slopes = slopes_;
    return how;
}

template <class F>
Var TransformerLayer::sub_layer(Var x, const LayerNorm& norm, F f) const {
    const bool pre = options_.norm_order == NormOrder::pre;
    const Var y = x + dropout(f(pre ? norm(x) : x), options_.dropout);
    return pre ? y : norm(y);
}

// mix(rows, run) adds to the run what it read, and read_memory(rows) reads the output of an encoder.
template <class Mix, class ReadMemory>
TransformerLayer::Run TransformerLayer::run(Var x, Mix mix, ReadMemory read_memory) const {
    require_shape(x.cols() == options_.width, in_transformer, "rows [n, width]");
    Run run;
    x = sub_layer(x, norm1_, [&](Var y) { return mix(y, run); });
    if (memory_) x = sub_layer(x, *norm_memory_, [&](Var y) { return (run.reads.memory = read_memory(y))->out; });
    run.out = sub_layer(x, norm2_, [&](Var y) { return product_keys_ ? (*product_keys_)(y) : (*feed_forward_)(y); });
    return run;
}

TransformerLayer::Run TransformerLayer::operator()(Var x, std::span<const Index> offsets, const EncoderOutput* memory,
                                                   const LookupBias& bias) const {
    require_shape(memory || !memory_, in_transformer, "the output of an encoder");
    const Tape& tape = *x.tape;
    const auto mix = [&](Var y, Run& run) {
        if (delta_) {
            const GatedDeltaNet::Run mixed = (*delta_)(y, offsets);
            run.delta = mixed.last;
            return mixed.out;
        }
        run.reads.self = self_->self(y, offsets, self_options(tape), bias);
        return run.reads.self->out;
    };
    return run(x, mix, [&](Var y) {
        return memory_->read(y, memory->rows, {offsets, memory->offsets}, read_options(tape));
    });
}

template <class Mix>
TransformerLayer::Run TransformerLayer::run_step(const KeyValueCache* memory, Var x,
                                                 std::span<const Index> memory_offsets, Mix mix) const {
    require_shape(memory || !memory_, in_transformer, "the output of an encoder");
    require_shape(options_.causal, in_transformer, "a causal layer for steps");
    return run(x, mix, [&](Var y) { return memory_->read(*memory, y, memory_offsets, read_options(*x.tape)); });
}

TransformerLayer::Run TransformerLayer::step(KeyValueCache& self, const KeyValueCache* memory, Var x,
                                             std::span<const Index> offsets, std::span<const Index> memory_offsets,
                                             const LookupBias& bias) const {
    require_shape(self_.has_value(), in_transformer, "a layer that attends to itself");
    const std::vector<Index> before = self.lengths();
    try {
        return run_step(memory, x, memory_offsets, [&](Var y, Run& run) {
            run.reads.self = self_->step(self, y, offsets, self_options(*x.tape), bias);
            return run.reads.self->out;
        });
    } catch (...) {
        self.truncate(before);
        throw;
    }
}

TransformerLayer::Run TransformerLayer::step(const GatedDeltaNet::State& before, const KeyValueCache* memory, Var x,
                                             std::span<const Index> memory_offsets) const {
    require_shape(delta_.has_value(), in_transformer, "a layer that mixes by the delta rule");
    return run_step(memory, x, memory_offsets, [&](Var y, Run& run) {
        const GatedDeltaNet::Run mixed = delta_->step(y, before);
        run.delta = mixed.last;
        return mixed.out;
    });
}

static void require_memory(const EncoderOutput& memory, Index width) {
    const auto& [rows, offsets] = memory;
    const bool whole =
        !offsets.empty() && offsets.front() == 0 && offsets.back() == rows.rows() && std::ranges::is_sorted(offsets);
    require_shape(whole && rows.cols() == width && !rows.tape->training(), in_transformer,
                  "an encoder's rows [n, width] on a tape that is not training, with offsets from 0 to n");
}

void TransformerLayer::project(const EncoderOutput& memory, KeyValueCache& cache) const {
    require_shape(memory_.has_value(), in_transformer, "a layer that reads a memory");
    require_memory(memory, options_.width);
    std::vector<Index> offsets(static_cast<std::size_t>(cache.sequences()));  // of nothing for the others
    offsets.insert(offsets.end(), memory.offsets.begin(), memory.offsets.end());
    cache.add_sequences(std::ssize(memory.offsets) - 1);
    memory_->append(cache, memory.rows, memory.rows, offsets);
}

// --- all layers

Token bucket_of(Index distance, bool causal, Index max_distance) {
    const Index buckets = causal ? distance_buckets : distance_buckets / 2, near = buckets / 2;
    const Index first = !causal && distance < 0 ? buckets : 0;
    const Index away = causal ? std::max<Index>(distance, 0) : std::abs(distance);
    if (away >= max_distance) return static_cast<Token>(first + buckets - 1);
    if (away < near) return static_cast<Token>(first + away);
    const auto ratio = [&](Index x) { return static_cast<double>(x) / static_cast<double>(near); };
    const double scale = std::log(ratio(away)) / std::log(ratio(max_distance));
    const Index far = near + static_cast<Index>(scale * static_cast<double>(buckets - near));
    return static_cast<Token>(first + std::min(far, buckets - 1));
}

TransformerStack::TransformerStack(Parameters& parameters, const std::string& name, const TransformerOptions& options,
                                   std::uint64_t seed)
    : options_(filled_in(options)) {
    for (Index i = 0; i < options_.layers; ++i) {
        TransformerOptions layer = options_;
        if (i != options_.layers / 2) layer.product_keys = 0;
        layers_.emplace_back(parameters, name + "." + std::to_string(i), layer, seed);
    }
    if (options_.norm_order == NormOrder::pre) norm_.emplace(parameters, name + ".norm", options_.width, options_.norm);
    if (options_.positions == Positions::learned)
        positions_.emplace(parameters, name + ".positions", options_.max_positions, options_.width, 0.5, seed);
    if (options_.positions == Positions::relative)
        distances_.emplace(parameters, name + ".distances", distance_buckets, options_.heads, 0.5, seed);
}

// The input of the first layer.
Var TransformerStack::place(Var x, std::span<const Index> positions) const {
    require_shape(x.cols() == options_.width, in_transformer, "rows [n, width]");
    Tape& tape = *x.tape;
    if (options_.positions == Positions::sinusoidal) {
        const View added = tape.arena().matrix(x.rows(), x.cols());
        sinusoids(positions, added);
        x = x + tape.constant(added);
    } else if (positions_) {
        for (const Index at : positions)
            require_shape(at < options_.max_positions, in_transformer, "sequences of at most max_positions rows");
        x = x + (*positions_)(tape, std::vector<Token>(positions.begin(), positions.end()));
    }
    return dropout(x, options_.dropout);
}

// The biases of relative positions for all distances up to the last one of these positions.
LookupBias TransformerStack::distance_bias(Tape& tape, std::span<const Index> positions) const {
    if (!distances_) return {};
    const Index farthest = positions.empty() ? 0 : std::ranges::max(positions);
    std::vector<Token> buckets;
    for (Index distance = -farthest; distance <= farthest; ++distance)
        buckets.push_back(bucket_of(distance, options_.causal, options_.max_distance));
    return {.distance = (*distances_)(tape, buckets)};
}

TransformerStack::Run TransformerStack::finish(Run run) const {
    if (norm_) run.out = (*norm_)(run.out);
    return run;
}

TransformerStack::Run TransformerStack::operator()(Var x, std::span<const Index> offsets,
                                                   const EncoderOutput* memory) const {
    std::vector<Index> positions;
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
        for (Index at = 0; at < offsets[i + 1] - offsets[i]; ++at) positions.push_back(at);
    const LookupBias bias = distance_bias(*x.tape, positions);
    Run run{place(x, positions), {}};
    for (const TransformerLayer& layer : layers_) {
        const TransformerLayer::Run one = layer(run.out, offsets, memory, bias);
        run.out = one.out;
        run.reads.push_back(one.reads);
    }
    return finish(run);
}

TransformerCache TransformerStack::start(Index sequences, const EncoderOutput* memory) const {
    TransformerCache cache;
    if (options_.mixer == Mixer::delta)
        cache.delta.assign(layers_.size(), Matrix(0, options_.width * options_.width / options_.heads));
    else
        cache.self.assign(layers_.size(), KeyValueCache(0));
    if (options_.reads_memory) cache.memory.assign(layers_.size(), KeyValueCache(0));
    add(cache, sequences, memory);
    return cache;
}

void TransformerStack::require_cache(const TransformerCache& cache) const {
    const bool attends = options_.mixer == Mixer::attention;
    const auto of_all = [&](const auto& layers, bool has) { return layers.size() == (has ? layers_.size() : 0); };
    require_shape(
        of_all(cache.self, attends) && of_all(cache.delta, !attends) && of_all(cache.memory, options_.reads_memory),
        in_transformer, "a cache of this stack");
}

void TransformerStack::add(TransformerCache& cache, Index sequences, const EncoderOutput* memory) const {
    require_cache(cache);
    require_shape(options_.reads_memory == (memory != nullptr), in_transformer,
                  "the output of an encoder, for a decoder alone");
    require_shape(sequences >= 0, in_transformer, "sequences from 0 on");
    if (memory) require_memory(*memory, options_.width);
    for (KeyValueCache& layer : cache.self) layer.add_sequences(sequences);
    for (Matrix& layer : cache.delta) layer = joined(layer, Matrix(sequences, layer.cols()));
    for (std::size_t i = 0; i < cache.memory.size(); ++i) layers_[i].project(*memory, cache.memory[i]);
}

TransformerStack::Run TransformerStack::step(TransformerCache& cache, Var x,
                                             std::span<const Index> memory_offsets) const {
    require_cache(cache);
    const bool attends = options_.mixer == Mixer::attention;
    const std::vector<Index> before = attends ? cache.self.front().lengths() : std::vector<Index>(x.rows());
    std::vector<Index> offsets(before.size() + 1);
    std::iota(offsets.begin(), offsets.end(), Index{0});
    const LookupBias bias = distance_bias(*x.tape, before);
    Run run{place(x, before), {}};
    std::vector<Var> delta;
    try {
        for (std::size_t i = 0; i < layers_.size(); ++i) {
            const KeyValueCache* memory = options_.reads_memory ? &cache.memory[i] : nullptr;
            const TransformerLayer::Run one =
                attends ? layers_[i].step(cache.self[i], memory, run.out, offsets, memory_offsets, bias)
                        : layers_[i].step({x.tape->constant(cache.delta[i].view())}, memory, run.out, memory_offsets);
            run.out = one.out;
            run.reads.push_back(one.reads);
            if (one.delta) delta.push_back(one.delta->memory);
        }
    } catch (...) {
        for (KeyValueCache& layer : cache.self) layer.truncate(before);
        throw;
    }
    for (std::size_t i = 0; i < delta.size(); ++i) std::ranges::copy(delta[i].value().span(), cache.delta[i].data());
    return finish(run);
}

}  // namespace kvmem
