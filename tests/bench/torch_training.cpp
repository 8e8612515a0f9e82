#include <torch/torch.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "named_parameters.hpp"
#include "torch_layers.hpp"
#include "torch_tasks.hpp"
#include "training_data.hpp"

namespace bench {

namespace {

Tensor normal_tensor(Index rows, Index cols, std::uint32_t stream, double deviation) {
    const Tensor t = torch::empty({rows, cols});
    fill_normal(t.data_ptr<float>(), t.numel(), stream, deviation);
    return t;
}

Tensor tokens(const Bags& bags) {
    return torch::tensor(at::ArrayRef<std::int32_t>(bags.tokens), torch::kInt64).view({-1, bags.length});
}

// A step: loss, backward, and an update with sparse or dense gradients.
class Training : public Task {
  public:
    Training(const Case& c, const std::string& variant)
        : case_(c), gather_(variant == "gather"), sparse_(variant != "bag-dense") {}

    void run() override {
        for (Tensor& p : parameters_) p.mutable_grad() = Tensor();
        const Tensor loss = forward();
        loss.backward();
        loss_ = loss.item<double>();
        if (!updates()) return;
        const torch::NoGradGuard none;
        for (Tensor& p : parameters_) p.add_(p.grad(), -learning_rate);
    }
    double loss() const override { return loss_; }

  protected:
    virtual Tensor forward() = 0;
    virtual bool updates() const { return true; }

    Tensor add(Tensor value) { return parameters_.emplace_back(value.requires_grad_()); }

    // Rows of the table summed over bags [n, length]: [n, d].
    Tensor embed(const Tensor& table, const Tensor& bags) const {
        namespace F = torch::nn::functional;
        if (bags.size(1) == 1) return torch::embedding(table, bags.view({-1}), -1, false, sparse_);
        if (gather_) return torch::embedding(table, bags, -1, false, sparse_).sum(1);
        return F::embedding_bag(bags, table, F::EmbeddingBagFuncOptions().mode(torch::kSum).sparse(sparse_));
    }

    // One query [B, d] to each memory [B * slots, d].
    Tensor lookup(const Tensor& query, const Tensor& key, const Tensor& value) const {
        const auto memory = [&](const Tensor& t) { return t.view({case_.batch, case_.slots, case_.width}); };
        const Tensor weights = torch::softmax(torch::bmm(query.unsqueeze(1), memory(key).transpose(1, 2)), -1);
        return torch::bmm(weights, memory(value)).squeeze(1);
    }

    Case case_;

  private:
    bool gather_, sparse_;
    std::vector<Tensor> parameters_;
    double loss_ = 0;
};

class MemN2N : public Training {
  public:
    MemN2N(const Case& c, const std::string& variant) : Training(c, variant) {
        const MemN2NData data(c);
        story_ = tokens(data.story), question_ = tokens(data.question), answer_ = torch::tensor(data.answer);
        for (Index k = 0; k <= MemN2NData::hops; ++k)
            tables_.push_back(
                add(normal_tensor(MemN2NData::words + c.slots, c.width, static_cast<std::uint32_t>(41 + k), 0.1)));
    }

  private:
    Tensor forward() override {
        Tensor state = embed(tables_[0], question_), key = embed(tables_[0], story_);
        for (std::size_t hop = 1; hop < tables_.size(); ++hop) {
            const Tensor value = embed(tables_[hop], story_);
            state = state + lookup(state, key, value);
            key = value;
        }
        // The last table's gradient by embed() may be sparse: it is read by rows here too, so that both add up.
        const Tensor answers = embed(tables_.back(), words_);
        return torch::cross_entropy_loss(torch::matmul(state, answers.t()), answer_);
    }

    Tensor story_, question_, answer_, words_ = torch::arange(MemN2NData::words).view({-1, 1});
    std::vector<Tensor> tables_;
};

class KvMemNN : public Training {
  public:
    KvMemNN(const Case& c, const std::string& variant) : Training(c, variant) {
        const KvMemNNData data(c);
        key_ = tokens(data.key), value_ = tokens(data.value), question_ = tokens(data.question);
        candidates_ = tokens(data.candidates), answer_ = torch::arange(c.batch);
        in_ = add(normal_tensor(KvMemNNData::words, c.width, 51, 0.1));
        out_ = add(normal_tensor(KvMemNNData::words, c.width, 52, 0.1));
        for (Index j = 0; j < KvMemNNData::hops; ++j)
            maps_.push_back(add(normal_tensor(c.width, c.width, static_cast<std::uint32_t>(53 + j),
                                              1 / std::sqrt(static_cast<double>(c.width)))));
    }

  private:
    Tensor forward() override {
        Tensor state = embed(in_, question_);
        const Tensor key = embed(in_, key_), value = embed(in_, value_);
        for (const Tensor& map : maps_) state = torch::matmul(state + lookup(state, key, value), map.t());
        return torch::cross_entropy_loss(torch::matmul(state, embed(out_, candidates_).t()), answer_);
    }

    Tensor key_, value_, question_, candidates_, answer_, in_, out_;
    std::vector<Tensor> maps_;
};

// Targets behind the token that begins them, padded, and what follows each; rows are lines in `order`.
struct PaddedTargets {
    static constexpr std::int64_t max = 21, begin = 1, end = 2, ignored = -100;
    Tensor inputs, next;

    PaddedTargets(const Seq2SeqData& data, const std::vector<std::size_t>& order) {
        const auto lines = static_cast<std::int64_t>(order.size());
        inputs = torch::zeros({lines, max}, torch::kInt64), next = torch::full({lines, max}, ignored, torch::kInt64);
        for (std::int64_t i = 0; i < lines; ++i) {
            const auto& target = data.target[order[static_cast<std::size_t>(i)]];
            for (std::size_t t = 0; t <= target.size(); ++t) {
                inputs[i][static_cast<std::int64_t>(t)] = t == 0 ? begin : target[t - 1];
                next[i][static_cast<std::int64_t>(t)] = t == target.size() ? end : target[t];
            }
        }
    }
    // The sum over all symbols, divided by the lines.
    Tensor loss(const Tensor& scores) const {
        return at::cross_entropy_loss(scores.view({-1, scores.size(-1)}), next.view({-1}), {}, at::Reduction::Sum) /
               static_cast<double>(next.size(0));
    }
};

// Sources are a packed sequence, in which the longest comes first; targets are padded.
class Seq2Seq : public Training {
  public:
    explicit Seq2Seq(const Case& c) : Training(c, "bag-dense"), width_(c.width) {
        const Seq2SeqData data(c);
        std::vector<std::size_t> order(data.source.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(),
                         [&](auto a, auto b) { return data.source[a].size() > data.source[b].size(); });
        const std::size_t longest = data.source[order[0]].size();
        const auto lines = static_cast<std::int64_t>(order.size()), slots = static_cast<std::int64_t>(longest);
        std::vector<std::int64_t> symbols, sizes;
        places_ = torch::zeros({lines, slots}, torch::kInt64), hidden_ = torch::full({lines, slots}, -INFINITY);
        for (std::size_t t = 0; t < longest; ++t) {
            sizes.push_back(0);
            for (std::size_t i = 0; i < order.size() && data.source[order[i]].size() > t; ++i, ++sizes.back()) {
                const auto line = static_cast<std::int64_t>(i), slot = static_cast<std::int64_t>(t);
                places_[line][slot] = static_cast<std::int64_t>(symbols.size()), hidden_[line][slot] = 0;
                symbols.push_back(data.source[order[i]][t]);
            }
        }
        source_ = torch::tensor(symbols), sizes_ = torch::tensor(sizes);
        targets_ = std::make_unique<PaddedTargets>(data, order);
    }

  private:
    Tensor parameter(const std::string& name, Index rows, Index cols) {
        Tensor& p = by_name_[name];
        if (!p.defined()) {
            p = torch::empty({rows, cols});
            fill_parameter(name, p.data_ptr<float>(), rows, cols);
            p = add(p);
        }
        return p;
    }
    Tensor linear(const Tensor& x, const std::string& name, Index out) {
        return at::linear(x, parameter(name + ".weight", out, x.size(-1)), parameter(name + ".bias", 1, out)[0]);
    }
    std::vector<Tensor> cell(const std::string& name, Index in) {
        const Index gates = 4 * width_;
        return {parameter(name + ".input.weight", gates, in), parameter(name + ".recurrent.weight", gates, width_),
                parameter(name + ".input.bias", 1, gates)[0], torch::zeros({gates})};
    }
    Tensor forward() override {
        const Index w = width_, embedding = w / 2, lines = places_.size(0);
        std::vector<Tensor> weights = cell("encoder.0.forwards", embedding);
        for (Tensor& p : cell("encoder.0.backwards", embedding)) weights.push_back(p);
        const Tensor zeros = torch::zeros({2, lines, w});
        const Tensor x = at::embedding(parameter("source", Seq2SeqData::source_tokens, embedding), source_);
        const auto [out, last_h, last_c] = at::lstm(x, sizes_, {zeros, zeros}, weights, true, 1, 0, true, true);
        const Tensor memory = out.index_select(0, places_.view({-1})).view({lines, -1, 2 * w});
        const Tensor keys = at::matmul(memory, parameter("key.weight", w, 2 * w).t());
        Tensor h = at::tanh(linear(at::cat({last_h[0], last_h[1]}, 1), "first_h.0", w));
        Tensor c = linear(at::cat({last_c[0], last_c[1]}, 1), "first_c.0", w);
        const Tensor symbols =
            at::embedding(parameter("target", Seq2SeqData::target_tokens, embedding), targets_->inputs);
        const std::vector<Tensor> decoder = cell("decoder.0", embedding + 2 * w);
        const Tensor direction = parameter("direction", 1, w)[0];
        std::vector<Tensor> all;
        for (Index t = 0; t < targets_->inputs.size(1); ++t) {
            const Tensor input = symbols.select(1, t);
            const Tensor scores = at::matmul(at::tanh(linear(h, "query", w).unsqueeze(1) + keys), direction) + hidden_;
            const Tensor read = at::bmm(at::softmax(scores, -1).unsqueeze(1), memory).squeeze(1);
            std::tie(h, c) =
                at::lstm_cell(at::cat({input, read}, 1), {h, c}, decoder[0], decoder[1], decoder[2], decoder[3]);
            all.push_back(at::cat({h, read, input}, 1));
        }
        const Tensor states = at::tanh(linear(at::stack(all, 1), "readout", w));
        return targets_->loss(linear(states, "out", Seq2SeqData::target_tokens));
    }

    Index width_;
    Tensor source_, sizes_, places_, hidden_;  // packed; where each line's slots lie, and -inf behind them
    std::unique_ptr<PaddedTargets> targets_;
    std::map<std::string, Tensor> by_name_;
};

// Sources and targets are padded; scores of what is behind a source are masked.
class Transformer : public Training {
  public:
    explicit Transformer(const Case& c)
        : Training(c, "bag-dense"),
          width_(c.width),
          layers_(c.width, TransformerData::heads, true, [this](Tensor p) { return add(std::move(p)); }) {
        const TransformerData data(c);
        std::vector<std::size_t> order(data.source.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        targets_ = std::make_unique<PaddedTargets>(data, order);
        std::size_t longest = 0;
        for (const auto& word : data.source) longest = std::max(longest, word.size());
        const auto lines = static_cast<std::int64_t>(order.size()), slots = static_cast<std::int64_t>(longest);
        source_ = torch::zeros({lines, slots}, torch::kInt64), hidden_ = torch::full({lines, 1, 1, slots}, -INFINITY);
        for (std::int64_t i = 0; i < lines; ++i) {
            const auto& word = data.source[static_cast<std::size_t>(i)];
            for (std::size_t t = 0; t < word.size(); ++t) {
                const auto slot = static_cast<std::int64_t>(t);
                source_[i][slot] = word[t], hidden_[i][0][0][slot] = 0;
            }
        }
        later_ = torch::full({PaddedTargets::max, PaddedTargets::max}, -INFINITY).triu(1);
    }

  private:
    Tensor attend(const Tensor& x, const Tensor& memory, const Tensor& mask, const std::string& name) {
        return layers_.attend(layers_.projected(x, name + ".query"), layers_.projected(memory, name + ".key"),
                              layers_.projected(memory, name + ".value"), mask, name);
    }
    // A layer of either stack; the decoder's reads `memory`, too.
    Tensor layer(Tensor x, const char* stack, Index i, const Tensor& mask, const Tensor& memory) {
        const auto of = [&](const char* name) { return part(stack, i, name); };
        x = layers_.sub_layer(x, of("norm1"), [&](const Tensor& y) { return attend(y, y, mask, of("self")); });
        if (memory.defined())
            x = layers_.sub_layer(x, of("norm_memory"),
                                  [&](const Tensor& y) { return attend(y, memory, hidden_, of("memory")); });
        return layers_.sub_layer(x, of("norm2"),
                                 [&](const Tensor& y) { return layers_.feed_forward(y, of("feed_forward")); });
    }
    Tensor forward() override {
        constexpr Index max = TransformerData::max_positions, tokens = TransformerData::target_tokens;
        Tensor memory = layers_.embed(source_, TransformerData::source_tokens, "source", "encoder", 0, max);
        for (Index i = 0; i < TransformerData::layers; ++i) memory = layer(memory, "encoder", i, hidden_, {});
        Tensor x = layers_.embed(targets_->inputs, tokens, "target", "decoder", 0, max);
        for (Index i = 0; i < TransformerData::layers; ++i) x = layer(x, "decoder", i, later_, memory);
        return targets_->loss(
            at::linear(x, layers_.parameter("target", tokens, width_), layers_.parameter("out.bias", 1, tokens)[0]));
    }

    Index width_;
    Layers layers_;
    Tensor source_, hidden_, later_;  // [lines, slots]; -inf behind each source; -inf before each symbol
    std::unique_ptr<PaddedTargets> targets_;
};

class Encoder : public Task {
  public:
    explicit Encoder(const Case& c)
        : layer_(torch::nn::TransformerEncoderLayerOptions(c.width, c.heads)
                     .dim_feedforward(EncoderData::inner)
                     .dropout(0)) {
        const EncoderData data(c);
        input_ = sequence_first(c, data.input), weight_ = sequence_first(c, data.weight);
        const torch::NoGradGuard none;
        const Index d = c.width, inner = EncoderData::inner;
        const double deviation = 1 / std::sqrt(static_cast<double>(d));
        const auto streams = {EncoderData::query, EncoderData::key, EncoderData::value};
        std::vector<Tensor> projections;
        for (const auto stream : streams) projections.push_back(normal_tensor(d, d, stream, deviation));
        set("self_attn.in_proj_weight", torch::cat(projections));
        set("self_attn.out_proj.weight", normal_tensor(d, d, EncoderData::output, deviation));
        set("linear1.weight", normal_tensor(inner, d, EncoderData::rise, deviation));
        set("linear2.weight", normal_tensor(d, inner, EncoderData::fall, 1 / std::sqrt(static_cast<double>(inner))));
        for (auto& named : layer_->named_parameters())
            if (named.key().find("bias") != std::string::npos) named.value().zero_();
    }

    void run() override {
        for (Tensor& p : layer_->parameters()) p.mutable_grad() = Tensor();
        const Tensor loss = (layer_->forward(input_) * weight_).sum();
        loss.backward();
        loss_ = loss.item<double>();
    }
    double loss() const override { return loss_; }

  private:
    static Tensor sequence_first(const Case& c, const Floats& x) {
        return torch::from_blob(x.data(), {c.batch, c.slots, c.width}).transpose(0, 1).contiguous().clone();
    }
    void set(const std::string& name, const Tensor& value) { layer_->named_parameters()[name].copy_(value); }

    torch::nn::TransformerEncoderLayer layer_;
    Tensor input_, weight_;
    double loss_ = 0;
};

}  // namespace

std::unique_ptr<Task> torch_training(const Case& c, const std::string& variant) {
    if (c.kind == "memn2n") return std::make_unique<MemN2N>(c, variant);
    if (c.kind == "kvmemnn") return std::make_unique<KvMemNN>(c, variant);
    if (c.kind == "seq2seq") return std::make_unique<Seq2Seq>(c);
    if (c.kind == "transformer") return std::make_unique<Transformer>(c);
    if (c.kind == "encoder") return std::make_unique<Encoder>(c);
    return nullptr;
}

}  // namespace bench
