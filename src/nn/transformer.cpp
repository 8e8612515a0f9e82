#include "kvmem/nn/transformer.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/kernels/positions.hpp"

#include <algorithm>
#include <numeric>

namespace kvmem {

static constexpr const char* here = "TransformerStack";

// Called before any parameter is made, so that an Error leaves none behind.
static TransformerOptions filled_in(TransformerOptions o) {
    constexpr Index max_width = Index{1} << 31;  // products of two do not overflow
    require_shape(o.width >= 1 && o.width <= max_width && o.inner >= 0 && o.inner <= max_width, here,
                  "positive widths");
    require_shape(o.heads >= 1 && o.width % o.heads == 0, here, "heads that divide the width");
    require_shape(o.layers >= 1 && o.window >= 0, here, "at least one layer, and a window of 0 (none) or more rows");
    require_shape(o.dropout >= 0 && o.dropout < 1, here, "a dropout from 0 to below 1");
    require_shape(o.positions != Positions::rotary || o.width / o.heads % 2 == 0, here,
                  "heads of an even width for rotary positions");
    require_shape(o.mixer == Mixer::attention || o.causal, here, "a causal stack for the delta rule");
    require_shape(o.product_keys >= 0, here, "a number of product keys that is not negative");
    if (o.inner == 0) o.inner = 4 * o.width;
    if (o.mixer == Mixer::delta) o.positions = Positions::none;
    return o;
}

static Matrix rows_of(const Matrix& from, std::span<const Index> rows) {
    const bool fit = std::ranges::all_of(rows, [&](Index row) { return row >= 0 && row < from.rows(); });
    require_shape(fit, here, "rows of the cache");
    Matrix to(std::ssize(rows), from.cols());
    for (Index i = 0; i < to.rows(); ++i) std::copy_n(from.row(rows[i]), to.cols(), to.row(i));
    return to;
}

void TransformerCache::reorder(std::span<const Index> rows) {
    for (KeyValueCache& layer : self) layer.reorder(rows);
    std::vector<Matrix> next;
    for (const Matrix& layer : delta) next.push_back(rows_of(layer, rows));
    delta = std::move(next);
}

// --- one layer

TransformerLayer::TransformerLayer(Parameters& parameters, const std::string& name, const TransformerOptions& options,
                                   std::uint64_t seed)
    : norm1_(parameters, name + ".norm1", filled_in(options).width),
      norm2_(parameters, name + ".norm2", options.width),
      width_(options.width),
      causal_(options.causal),
      window_(options.window),
      dropout_(options.dropout) {
    const Index width = options.width, heads = options.heads, keys = options.product_keys;
    if (options.mixer == Mixer::delta)
        delta_.emplace(parameters, name + ".delta", GatedDeltaNetOptions{.width = width, .heads = heads}, seed);
    else
        self_.emplace(
            parameters, name + ".self",
            MultiHeadOptions{.width = width, .heads = heads, .rotary = options.positions == Positions::rotary}, seed);
    if (keys > 0)
        product_keys_.emplace(
            parameters, name + ".product_keys",
            ProductKeyOptions{.width = width, .keys = keys, .top_k = std::min<Index>(32, keys * keys)}, seed);
    else
        feed_forward_.emplace(parameters, name + ".feed_forward", width, filled_in(options).inner,
                              options.feed_forward == FeedForwardForm::relu ? Activation::relu : Activation::gelu,
                              seed);
    if (!options.reads_memory) return;
    memory_.emplace(parameters, name + ".memory", MultiHeadOptions{.width = width, .heads = heads}, seed);
    norm_memory_.emplace(parameters, name + ".norm_memory", width);
}

AttendOptions TransformerLayer::lookup(const Tape& tape) const {
    return {.causal = causal_, .window = window_, .alone = causal_ && !tape.training()};
}

// mix(rows, run) adds to the run what it read, and read_memory(rows) reads the output of an encoder.
template <class Mix, class ReadMemory>
TransformerLayer::Run TransformerLayer::run(Var x, Mix mix, ReadMemory read_memory) const {
    require_shape(x.cols() == width_, here, "rows [n, width]");
    Run run;
    x = x + dropout(mix(norm1_(x), run), dropout_);
    if (memory_) {
        run.reads.memory = read_memory((*norm_memory_)(x));
        x = x + dropout(run.reads.memory->out, dropout_);
    }
    const Var y = norm2_(x);
    run.out = x + dropout(product_keys_ ? (*product_keys_)(y) : (*feed_forward_)(y), dropout_);
    return run;
}

TransformerLayer::Run TransformerLayer::operator()(Var x, std::span<const Index> offsets,
                                                   const EncoderOutput* memory) const {
    require_shape(memory || !memory_, here, "the output of an encoder");
    AttendOptions how = lookup(*x.tape);
    const auto mix = [&](Var y, Run& run) {
        if (delta_) {
            const GatedDeltaNet::Run mixed = (*delta_)(y, offsets);
            run.delta = mixed.last;
            return mixed.out;
        }
        run.reads.self = self_->self(y, offsets, how);
        return run.reads.self->out;
    };
    return run(x, mix, [&](Var y) {
        how.causal = false, how.window = 0;
        return memory_->read(y, memory->rows, {offsets, memory->offsets}, how);
    });
}

template <class Mix>
TransformerLayer::Run TransformerLayer::run_step(const KeyValueCache* memory, Var x,
                                                 std::span<const Index> memory_offsets, Mix mix) const {
    require_shape(memory || !memory_, here, "the output of an encoder");
    require_shape(causal_, here, "a causal layer for steps");
    return run(x, mix, [&](Var y) {
        AttendOptions how = lookup(*x.tape);
        how.causal = false, how.window = 0;
        return memory_->read(*memory, y, memory_offsets, how);
    });
}

TransformerLayer::Run TransformerLayer::step(KeyValueCache& self, const KeyValueCache* memory, Var x,
                                             std::span<const Index> offsets,
                                             std::span<const Index> memory_offsets) const {
    require_shape(self_.has_value(), here, "a layer that attends to itself");
    const std::vector<Index> before = self.lengths();
    try {
        return run_step(memory, x, memory_offsets, [&](Var y, Run& run) {
            run.reads.self = self_->step(self, y, offsets, lookup(*x.tape));
            return run.reads.self->out;
        });
    } catch (...) {
        self.truncate(before);
        throw;
    }
}

TransformerLayer::Run TransformerLayer::step(const GatedDeltaNet::State& before, const KeyValueCache* memory, Var x,
                                             std::span<const Index> memory_offsets) const {
    require_shape(delta_.has_value(), here, "a layer that mixes by the delta rule");
    return run_step(memory, x, memory_offsets, [&](Var y, Run& run) {
        const GatedDeltaNet::Run mixed = delta_->step(y, before);
        run.delta = mixed.last;
        return mixed.out;
    });
}

KeyValueCache TransformerLayer::project(const EncoderOutput& memory) const {
    require_shape(memory_.has_value(), here, "a layer that reads a memory");
    KeyValueCache cache(std::ssize(memory.offsets) - 1);
    memory_->append(cache, memory.rows, memory.rows, memory.offsets);
    return cache;
}

// --- all layers

TransformerStack::TransformerStack(Parameters& parameters, const std::string& name, const TransformerOptions& options,
                                   std::uint64_t seed)
    : options_(filled_in(options)), norm_(parameters, name + ".norm", options_.width) {
    for (Index i = 0; i < options_.layers; ++i) {
        TransformerOptions layer = options_;
        if (i != options_.layers / 2) layer.product_keys = 0;
        layers_.emplace_back(parameters, name + "." + std::to_string(i), layer, seed);
    }
}

// The input of the first layer.
Var TransformerStack::place(Var x, std::span<const Index> positions) const {
    require_shape(x.cols() == options_.width, here, "rows [n, width]");
    Tape& tape = *x.tape;
    if (options_.positions == Positions::sinusoidal) {
        const View added = tape.arena().matrix(x.rows(), x.cols());
        sinusoids(positions, added);
        x = x + tape.constant(added);
    }
    return dropout(x, options_.dropout);
}

TransformerStack::Run TransformerStack::operator()(Var x, std::span<const Index> offsets,
                                                   const EncoderOutput* memory) const {
    std::vector<Index> positions;
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
        for (Index at = 0; at < offsets[i + 1] - offsets[i]; ++at) positions.push_back(at);
    Run run{place(x, positions), {}};
    for (const TransformerLayer& layer : layers_) {
        const TransformerLayer::Run one = layer(run.out, offsets, memory);
        run.out = one.out;
        run.reads.push_back(one.reads);
    }
    run.out = norm_(run.out);
    return run;
}

TransformerCache TransformerStack::start(Index sequences, const EncoderOutput* memory) const {
    require_shape(options_.reads_memory == (memory != nullptr), here, "the output of an encoder, for a decoder alone");
    TransformerCache cache;
    if (options_.mixer == Mixer::delta)
        cache.delta.assign(layers_.size(), Matrix(sequences, options_.width * options_.width / options_.heads));
    else
        cache.self.assign(layers_.size(), KeyValueCache(sequences));
    for (const TransformerLayer& layer : layers_)
        if (memory) cache.memory.push_back(layer.project(*memory));
    return cache;
}

TransformerStack::Run TransformerStack::step(TransformerCache& cache, Var x,
                                             std::span<const Index> memory_offsets) const {
    const bool attends = options_.mixer == Mixer::attention;
    const auto of_all = [&](const auto& layers, bool has) { return layers.size() == (has ? layers_.size() : 0); };
    require_shape(
        of_all(cache.self, attends) && of_all(cache.delta, !attends) && of_all(cache.memory, options_.reads_memory),
        here, "a cache of this stack");
    const std::vector<Index> before = attends ? cache.self.front().lengths() : std::vector<Index>(x.rows());
    std::vector<Index> offsets(before.size() + 1);
    std::iota(offsets.begin(), offsets.end(), Index{0});
    Run run{place(x, before), {}};
    std::vector<Var> delta;
    try {
        for (std::size_t i = 0; i < layers_.size(); ++i) {
            const KeyValueCache* memory = options_.reads_memory ? &cache.memory[i] : nullptr;
            const TransformerLayer::Run one =
                attends ? layers_[i].step(cache.self[i], memory, run.out, offsets, memory_offsets)
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
    run.out = norm_(run.out);
    return run;
}

}  // namespace kvmem
