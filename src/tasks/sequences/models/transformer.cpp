#include "kvmem/tasks/sequences/models/transformer.hpp"

#include "kvmem/core/error.hpp"
#include "tasks/sequences/model_type.hpp"
#include "tasks/sequences/network_decoding.hpp"
#include "tasks/sequences/source_slots.hpp"

#include <algorithm>
#include <string>

namespace kvmem {

static TransformerOptions decoder_of(const TransformerConfig& config) {
    TransformerOptions options = config.options(config.decoder_layers);
    options.causal = options.reads_memory = true;
    return options;
}

Transformer::Transformer(const TransformerConfig& config, SequenceUnits units, Start start)
    : SequenceNetwork(std::move(units), start),
      config_(validated(config)),
      source_(parameters_, "source", source_units().size(), config_),
      target_(parameters_, "target", target_units().size(), config_),
      encoder_(parameters_, "encoder", config_.options(config_.encoder_layers), config_.seed),
      decoder_(parameters_, "decoder", decoder_of(config_), config_.seed),
      scores_(parameters_, target_, config_) {}

std::string Transformer::summary() const {
    return "A Transformer of width " + std::to_string(config_.width) + " with " +
           std::to_string(config_.encoder_layers) + " + " + std::to_string(config_.decoder_layers) + " layers of " +
           std::to_string(config_.heads) + " heads";
}

Transformer::Run Transformer::run(Tape& tape, RaggedView<Token> source, RaggedView<Token> target) const {
    require_shape(source.size() == target.size(), "Transformer", "a source for each target");
    Ragged<Token> inputs;
    for (Index i = 0; i < target.size(); ++i) {
        inputs.values.push_back(begin_token);
        inputs.values.insert(inputs.values.end(), target[i].begin(), target[i].end());
        inputs.end_row();
    }
    const auto encoder = encoder_(source_(tape, source.values), source.offsets);
    const EncoderOutput memory{encoder.out, source.offsets};
    const auto decoder = decoder_(target_(tape, inputs.values), inputs.offsets, &memory);
    return {encoder, decoder, scores_(decoder.out)};
}

Var Transformer::loss(Tape& tape, RaggedView<Token> source, RaggedView<Token> target) const {
    std::vector<Index> next;
    for (Index i = 0; i < target.size(); ++i) {
        next.insert(next.end(), target[i].begin(), target[i].end());
        next.push_back(end_token);
    }
    return cross_entropy(run(tape, source, target).scores, next, {}, tape.training() ? config_.label_smoothing : 0);
}

static std::string name_of(Index layer, Index head) {
    return "layer " + std::to_string(layer + 1) + " head " + std::to_string(head + 1);
}

// Appends what one sequence of this length read of itself.
static void add_maps(const TransformerStack::Run& run, bool of_source, Index heads, Index length,
                     std::vector<SelfAttention>& maps) {
    for (Index layer = 0; layer < std::ssize(run.reads); ++layer) {
        if (!run.reads[layer].self) continue;                                  // another mixer has no weights
        const auto weights = run.reads[layer].self->weights().value().span();  // [queries, heads, slots]
        for (Index head = 0; head < heads; ++head) {
            Matrix& map =
                maps.emplace_back(SelfAttention{name_of(layer, head), of_source, Matrix(length, length)}).weights;
            for (Index row = 0; row < length; ++row)
                std::ranges::copy(weights.subspan((row * heads + head) * length, length), map.row(row));
        }
    }
}

std::vector<SelfAttention> Transformer::self_attention(std::span<const Token> source,
                                                       std::span<const Token> target) const {
    Ragged<Token> sources, targets;
    sources.push_row(source), targets.push_row(target);
    Tape tape;
    tape.set_training(false);
    const Run all = run(tape, sources, targets);
    std::vector<SelfAttention> maps;
    add_maps(all.encoder, true, config_.heads, std::ssize(source), maps);
    add_maps(all.decoder, false, config_.heads, std::ssize(target) + 1, maps);
    return maps;
}

// --- generation

class Transformer::Steps final : public NetworkDecoding {
  public:
    Steps(const Transformer& model, RaggedView<Token> sources) : NetworkDecoding(model), model_(model) {
        const EncoderOutput memory = encode(sources);
        cache_ = model.decoder_.start(sources.size(), &memory);
        slots_.add(sources.offsets);
    }

    Index vocabulary() const override { return model_.target_units().size(); }
    Index heads() const override { return model_.config_.decoder_layers * model_.config_.heads; }

    bool step_scores(std::span<const Token> tokens, View scores) override {
        tape_.reset();
        weights_.clear();
        run_ = model_.decoder_.step(cache_, model_.target_(tape_, tokens), slots_.segments().query_offsets);
        std::ranges::copy(model_.scores_(run_.out).value().span(), scores.span().begin());
        return false;
    }

    ConstView states() const override { return run_.out.tape ? run_.out.value() : ConstView{}; }

    void reorder(std::span<const Index> rows) override {
        cache_.reorder(rows);
        slots_.reorder(rows);
    }

    void add(RaggedView<Token> sources) override {
        tape_.reset();
        run_ = {};
        const EncoderOutput memory = encode(sources);
        const std::vector<Index> left = slots_.compact();
        for (KeyValueCache& layer : cache_.memory) layer.reorder(left);
        model_.decoder_.add(cache_, sources.size(), &memory);
        slots_.add(sources.offsets);
    }

    std::string head_name(Index head) const override {
        return name_of(head / model_.config_.heads, head % model_.config_.heads);
    }
    std::span<const Real> weights(Index row, Index head) const override {
        if (weights_.empty())
            for (const TransformerLayer::Reads& layer : run_.reads)
                weights_.push_back(layer.memory->weights().value().span());
        const Index heads = model_.config_.heads, first = slots_.weight_offsets()[row];
        const Index slots = slots_.weight_offsets()[row + 1] - first;
        return weights_[head / heads].subspan(heads * first + head % heads * slots, slots);
    }

  private:
    EncoderOutput encode(RaggedView<Token> sources) {
        return {model_.encoder_(model_.source_(tape_, sources.values), sources.offsets).out, sources.offsets};
    }

    const Transformer& model_;
    TransformerCache cache_;
    SourceSlots slots_;
    TransformerStack::Run run_;                           // of the last step
    mutable std::vector<std::span<const Real>> weights_;  // of each layer, computed when they are wanted
};

std::unique_ptr<Decoding> Transformer::begin(RaggedView<Token> sources) const {
    return std::make_unique<Steps>(*this, sources);
}

// The base model of Vaswani et al. 2017, table 3, with the training of their sections 5.1 to 5.4 as far as it does not
// depend on the size of the data.
static RunConfig transformer_base() {
    TransformerConfig model;
    model.width = 512;
    model.heads = 8;
    model.inner = 2048;
    model.encoder_layers = model.decoder_layers = 6;
    model.norm_order = NormOrder::post;
    model.dropout = 0.1;
    RunConfig config;
    config.model = model;
    config.trainer.max_batch_size = 50'000;
    config.trainer.batch = 50'000;
    config.trainer.optimizer = {.beta2 = 0.98, .epsilon = 1e-9};
    config.trainer.schedule = {.rate = 7e-4, .warmup = 0.04, .decay = Decay::inverse_sqrt};
    return config;
}

const SequenceModelType& transformer() {
    static const auto type = [] {
        auto made = SequenceModelType::of<Transformer, TransformerConfig>(
            "an encoder-decoder made of attention (Vaswani et al. 2017)", [](TrainerOptions& t) {
                t.epochs = 20;
                t.batch = 256;
                t.max_batch_size = 4096;
                t.shards = 2;  // as in seq2seq.cpp
                t.optimizer = {.beta2 = 0.98, .clip_norm = 1, .weight_decay = 0.01};
                t.average = 0.999;
                t.schedule = {.rate = 1e-3, .warmup = 0.1, .decay = Decay::cosine};
            });
        made.presets = {{"transformer-base", transformer_base()}};
        return made;
    }();
    return type;
}

}  // namespace kvmem
