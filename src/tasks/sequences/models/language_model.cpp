#include "kvmem/tasks/sequences/models/language_model.hpp"

#include "tasks/sequences/model_type.hpp"
#include "tasks/sequences/network_decoding.hpp"

#include <algorithm>
#include <string>

namespace kvmem {

static TransformerOptions layers_of(const LanguageModelConfig& config) {
    TransformerOptions options = config.options(config.layers);
    options.causal = true;
    options.window = config.context;
    options.mixer = config.mixer;
    options.product_keys = config.product_keys;
    return options;
}

LanguageModel::LanguageModel(const LanguageModelConfig& config, SequenceUnits units, Start start)
    : TextNetwork(std::move(units.target), start),
      config_(validated(config)),
      symbols_(parameters_, "target", target_units().size(), config_),
      layers_(parameters_, "decoder", layers_of(config_), config_.seed),
      scores_(parameters_, symbols_, config_) {}

std::string LanguageModel::summary() const {
    return "A Transformer language model of width " + std::to_string(config_.width) + " with " +
           std::to_string(config_.layers) + " layer(s) of " + std::to_string(config_.heads) + " heads";
}

TransformerStack::Run LanguageModel::run(Tape& tape, RaggedView<Token> texts) const {
    return layers_(symbols_(tape, texts.values), texts.offsets);
}

// --- generation

class LanguageModel::Steps final : public NetworkDecoding {
  public:
    Steps(const LanguageModel& model, Index rows)
        : NetworkDecoding(model), model_(model), cache_(model.layers_.start(rows)) {}
    Index vocabulary() const override { return model_.target_units().size(); }
    bool step_scores(std::span<const Token> tokens, View scores) override {
        tape_.reset();
        const Var states = model_.layers_.step(cache_, model_.symbols_(tape_, tokens)).out;
        states_ = states.value();
        std::ranges::copy(model_.scores_(states).value().span(), scores.span().begin());
        return false;
    }
    ConstView states() const override { return states_; }
    void reorder(std::span<const Index> rows) override { cache_.reorder(rows); }
    void add(RaggedView<Token> sources) override { model_.layers_.add(cache_, sources.size()); }

  private:
    const LanguageModel& model_;
    TransformerCache cache_;
    ConstView states_;  // of the last step, on its tape
};

std::unique_ptr<Decoding> LanguageModel::begin(RaggedView<Token> sources) const {
    return std::make_unique<Steps>(*this, sources.size());
}

const SequenceModelType& language_model() {
    static const auto type = SequenceModelType::of<LanguageModel, LanguageModelConfig>(
        "a Transformer language model (Radford et al. 2018)", [](TrainerOptions& t) {
            t.epochs = 10;
            t.batch = 4;
            t.shards = 2;  // as in seq2seq.cpp
            t.optimizer = {.beta2 = 0.98, .clip_norm = 1, .weight_decay = 0.1};
            t.schedule = {.rate = 3e-3, .warmup = 0.05, .decay = Decay::cosine};
        });
    return type;
}

}  // namespace kvmem
