#include <torch/torch.h>

#include "decode_data.hpp"
#include "torch_layers.hpp"
#include "torch_tasks.hpp"

namespace bench {

namespace {

using torch::Tensor;

class Decode : public Task {
  public:
    explicit Decode(const Case& c)
        : case_(c),
          layers_(c.width, c.heads, c.kind == "decode"),
          sources_(torch::tensor(DecodeData::sources(c)).view({c.batch, c.slots})),
          begin_(torch::zeros({DecodeData::tokens})),
          self_(static_cast<std::size_t>(DecodeData::layers(c))),
          memory_(self_.size()) {
        begin_[DecodeData::begin] = -INFINITY;
        layers_.parameter("out.bias", 1, DecodeData::tokens)[0][DecodeData::end] = DecodeData::end_bias;
    }

    // Beam search. All hypotheses of a line are rows, one after the other.
    void run() override {
        const torch::NoGradGuard none;
        if (case_.kind == "decode") read_sources();
        for (KeyValue& layer : self_) layer = {};
        const Index batch = case_.batch, beam = case_.queries;
        tokens_ = torch::full({batch, 1}, DecodeData::begin, torch::kInt64);
        Tensor scores = torch::zeros({batch, 1});
        for (Index step = 0; step < case_.slots; ++step) {
            const Tensor logs = at::log_softmax(next_scores(step), -1) + begin_;
            if (step + 1 == case_.slots) break;  // what it says of the end is not needed
            const Tensor all = (scores.view({-1, 1}) + logs).view({batch, -1});
            const auto [best, at] = all.topk(beam, 1);
            scores = best;
            const Tensor lines = torch::arange(batch).unsqueeze(1) * (all.size(1) / DecodeData::tokens);
            const Tensor rows = (lines + at.div(DecodeData::tokens, "floor")).view({-1});
            tokens_ = at::cat({tokens_.index_select(0, rows), at.remainder(DecodeData::tokens).view({-1, 1})}, 1);
            if (beam > 1) reorder(rows, step == 0);
        }
        loss_ = scores.select(1, 0).sum(torch::kDouble).item<double>();
    }
    double loss() const override { return loss_; }

  private:
    struct KeyValue {
        Tensor key, value;
    };

    void read_sources() {
        Tensor x = layers_.embed(sources_, DecodeData::tokens, "source", "encoder", 0, case_.slots);
        for (std::size_t i = 0; i < memory_.size(); ++i) {
            const auto of = [&](const char* name) { return part("encoder", static_cast<Index>(i), name); };
            x = layers_.sub_layer(x, of("norm1"), [&](const Tensor& y) {
                const std::string self = of("self");
                return layers_.attend(layers_.projected(y, self + ".query"), layers_.projected(y, self + ".key"),
                                      layers_.projected(y, self + ".value"), {}, self);
            });
            x = layers_.sub_layer(x, of("norm2"),
                                  [&](const Tensor& y) { return layers_.feed_forward(y, of("feed_forward")); });
        }
        for (std::size_t i = 0; i < memory_.size(); ++i) {
            const std::string name = part("decoder", static_cast<Index>(i), "memory");
            memory_[i] = {layers_.projected(x, name + ".key"), layers_.projected(x, name + ".value")};
        }
    }
    // With a cache, of the last tokens alone; otherwise of all, behind a causal mask.
    Tensor next_scores(Index step) {
        const bool cached = case_.causal == 0;
        const Tensor inputs = cached ? tokens_.slice(1, step) : tokens_, mask = cached ? Tensor() : causal(step + 1);
        Tensor x = layers_.embed(inputs, DecodeData::tokens, "target", "decoder", cached ? step : 0, case_.slots);
        for (std::size_t i = 0; i < self_.size(); ++i) {
            const auto of = [&](const char* name) { return part("decoder", static_cast<Index>(i), name); };
            x = layers_.sub_layer(x, of("norm1"), [&](const Tensor& y) {
                const std::string self = of("self");
                KeyValue all{layers_.projected(y, self + ".key"), layers_.projected(y, self + ".value")};
                if (cached && step > 0)
                    all = {at::cat({self_[i].key, all.key}, 2), at::cat({self_[i].value, all.value}, 2)};
                self_[i] = all;
                return layers_.attend(layers_.projected(y, self + ".query"), all.key, all.value, mask, self);
            });
            if (memory_[i].key.defined())
                x = layers_.sub_layer(x, of("norm_memory"), [&](const Tensor& y) {
                    const std::string name = of("memory");
                    return layers_.attend(layers_.projected(y, name + ".query"), memory_[i].key, memory_[i].value, {},
                                          name);
                });
            x = layers_.sub_layer(x, of("norm2"),
                                  [&](const Tensor& y) { return layers_.feed_forward(y, of("feed_forward")); });
        }
        x = layers_.last_norm(x.select(1, x.size(1) - 1), "decoder");
        return at::linear(x, layers_.parameter("target", DecodeData::tokens, case_.width),
                          layers_.parameter("out.bias", 1, DecodeData::tokens)[0]);
    }
    static Tensor causal(Index length) { return torch::full({length, length}, -INFINITY).triu(1); }
    void reorder(const Tensor& rows, bool tiles_memory) {
        for (KeyValue& layer : self_)
            if (case_.causal == 0) layer = {layer.key.index_select(0, rows), layer.value.index_select(0, rows)};
        for (KeyValue& layer : memory_)
            if (tiles_memory) layer = {layer.key.index_select(0, rows), layer.value.index_select(0, rows)};
    }

    Case case_;
    Layers layers_;
    Tensor sources_, begin_, tokens_;
    std::vector<KeyValue> self_, memory_;  // of each layer
    double loss_ = 0;
};

}  // namespace

std::unique_ptr<Task> torch_decode(const Case& c) { return std::make_unique<Decode>(c); }

}  // namespace bench
