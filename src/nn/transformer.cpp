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
    if (o.inner == 0) o.inner = 4 * o.width;
    return o;
}

void TransformerCache::reorder(std::span<const Index> rows) {
    for (KeyValueCache& layer : self) layer.reorder(rows);
}

// --- one layer

TransformerLayer::TransformerLayer(Parameters& parameters, const std::string& name, const TransformerOptions& options,
                                   std::uint64_t seed)
    : self_(
          parameters, name + ".self",
          {.width = filled_in(options).width, .heads = options.heads, .rotary = options.positions == Positions::rotary},
          seed),
      feed_forward_(parameters, name + ".feed_forward", options.width, filled_in(options).inner,
                    options.feed_forward == FeedForwardForm::relu ? Activation::relu : Activation::gelu, seed),
      norm1_(parameters, name + ".norm1", options.width),
      norm2_(parameters, name + ".norm2", options.width),
      causal_(options.causal),
      window_(options.window),
      dropout_(options.dropout) {
    if (!options.reads_memory) return;
    memory_.emplace(parameters, name + ".memory", MultiHeadOptions{.width = options.width, .heads = options.heads},
                    seed);
    norm_memory_.emplace(parameters, name + ".norm_memory", options.width);
}

AttendOptions TransformerLayer::lookup(const Tape& tape) const {
    return {.causal = causal_, .window = window_, .alone = causal_ && !tape.training()};
}

template <class Self, class Memory>
TransformerLayer::Run TransformerLayer::run(Var x, Self read_self, Memory read_memory) const {
    require_shape(x.cols() == self_.options().width, here, "rows [n, width]");
    Reads reads{read_self(norm1_(x))};
    x = x + dropout(reads.self.out, dropout_);
    if (memory_) {
        reads.memory = read_memory((*norm_memory_)(x));
        x = x + dropout(reads.memory->out, dropout_);
    }
    return {x + dropout(feed_forward_(norm2_(x)), dropout_), reads};
}

TransformerLayer::Run TransformerLayer::operator()(Var x, std::span<const Index> offsets,
                                                   const EncoderOutput* memory) const {
    require_shape(memory || !memory_, here, "the output of an encoder");
    AttendOptions how = lookup(*x.tape);
    const auto read_self = [&](Var y) { return self_.self(y, offsets, how); };
    return run(x, read_self, [&](Var y) {
        how.causal = false, how.window = 0;
        return memory_->read(y, memory->rows, {offsets, memory->offsets}, how);
    });
}

TransformerLayer::Run TransformerLayer::step(KeyValueCache& self, const KeyValueCache* memory, Var x,
                                             std::span<const Index> offsets,
                                             std::span<const Index> memory_offsets) const {
    require_shape(memory || !memory_, here, "the output of an encoder");
    require_shape(causal_, here, "a causal layer for steps");
    AttendOptions how = lookup(*x.tape);
    const std::vector<Index> before = self.lengths();
    try {
        const auto read_self = [&](Var y) { return self_.step(self, y, offsets, how); };
        return run(x, read_self, [&](Var y) {
            how.causal = false, how.window = 0;
            return memory_->read(*memory, y, memory_offsets, how);
        });
    } catch (...) {
        self.truncate(before);
        throw;
    }
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
    for (Index i = 0; i < options_.layers; ++i)
        layers_.emplace_back(parameters, name + "." + std::to_string(i), options_, seed);
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
    TransformerCache cache{std::vector(layers_.size(), KeyValueCache(sequences)), {}};
    for (const TransformerLayer& layer : layers_)
        if (memory) cache.memory.push_back(layer.project(*memory));
    return cache;
}

TransformerStack::Run TransformerStack::step(TransformerCache& cache, Var x,
                                             std::span<const Index> memory_offsets) const {
    require_shape(
        cache.self.size() == layers_.size() && cache.memory.size() == (options_.reads_memory ? layers_.size() : 0),
        here, "a cache of this stack");
    const std::vector<Index> before = cache.self.front().lengths();
    std::vector<Index> offsets(before.size() + 1);
    std::iota(offsets.begin(), offsets.end(), Index{0});
    Run run{place(x, before), {}};
    try {
        for (std::size_t i = 0; i < layers_.size(); ++i) {
            const KeyValueCache* memory = options_.reads_memory ? &cache.memory[i] : nullptr;
            const TransformerLayer::Run one = layers_[i].step(cache.self[i], memory, run.out, offsets, memory_offsets);
            run.out = one.out;
            run.reads.push_back(one.reads);
        }
    } catch (...) {
        for (KeyValueCache& layer : cache.self) layer.truncate(before);
        throw;
    }
    run.out = norm_(run.out);
    return run;
}

}  // namespace kvmem
