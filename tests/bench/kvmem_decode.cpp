#include "kvmem_decode.hpp"

#include "decode_data.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/sequences/generate.hpp"
#include "kvmem/tasks/sequences/models/language_model.hpp"
#include "kvmem/tasks/sequences/models/transformer.hpp"
#include "named_parameters.hpp"

namespace bench {

namespace {

kvmem::Units units() {
    std::vector<std::string> texts;
    for (Index i = DecodeData::first; i < DecodeData::tokens; ++i) texts.push_back("t" + std::to_string(i));
    return kvmem::Units(kvmem::UnitKind::words, texts);
}

template <class Config>
Config config_of(const Case& c) {
    Config config;
    config.width = c.width, config.heads = c.heads, config.inner = 4 * c.width;
    config.positions = kvmem::Positions::learned;
    config.max_positions = c.slots;
    config.feed_forward = kvmem::FeedForwardForm::relu;
    return config;
}

std::unique_ptr<kvmem::SequenceNetwork> network_of(const Case& c) {
    if (c.kind == "decode-text") {
        auto config = config_of<kvmem::LanguageModelConfig>(c);
        config.layers = DecodeData::layers(c);
        return std::make_unique<kvmem::LanguageModel>(config, kvmem::SequenceUnits{kvmem::Units(), units()},
                                                      kvmem::Start::zeros);
    }
    auto config = config_of<kvmem::TransformerConfig>(c);
    config.encoder_layers = config.decoder_layers = DecodeData::layers(c);
    config.norm_order = kvmem::NormOrder::post;
    return std::make_unique<kvmem::Transformer>(config, kvmem::SequenceUnits{units(), units()}, kvmem::Start::zeros);
}

class Decode : public Task {
  public:
    explicit Decode(const Case& c) : threads_(static_cast<int>(c.threads)), network_(network_of(c)) {
        for (kvmem::Parameter& p : network_->parameters()) {
            fill_parameter(p.name, p.value.data(), p.value.rows(), p.value.cols());
            if (p.name == "out.bias") p.value(0, DecodeData::end) = DecodeData::end_bias;
        }
        network_->pack(c.bf16 ? kvmem::WeightForm::bf16 : kvmem::WeightForm::f32);
        const std::vector<std::int64_t> tokens = DecodeData::sources(c);
        for (Index i = 0; i < c.batch; ++i) {
            for (Index t = 0; t < c.slots && c.kind == "decode"; ++t)
                sources_.values.push_back(static_cast<kvmem::Token>(tokens[static_cast<std::size_t>(i * c.slots + t)]));
            sources_.end_row();
        }
        options_.beam = c.queries;
        options_.max_length = c.slots - 1;  // the last step finds that nothing has ended
    }
    void run() override { results_ = generate(*network_, sources_, options_); }
    double loss() const override {
        double sum = 0;
        for (const auto& line : results_) sum += line.front().log_probability;
        return sum;
    }

  private:
    kvmem::ThreadLimit threads_;
    std::unique_ptr<kvmem::SequenceNetwork> network_;
    kvmem::Ragged<kvmem::Token> sources_;
    kvmem::GenerateOptions options_;
    std::vector<std::vector<kvmem::Generated>> results_;
};

}  // namespace

std::unique_ptr<Task> kvmem_decode(const Case& c) { return std::make_unique<Decode>(c); }

}  // namespace bench
