#include "kvmem_training.hpp"

#include "kvmem/autograd/ops.hpp"
#include "kvmem/autograd/optimizer.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/qa/models/mem_n2n.hpp"
#include "kvmem/tasks/sequences/models/seq2seq.hpp"
#include "kvmem/tasks/sequences/models/transformer.hpp"
#include "kvmem_attention.hpp"
#include "named_parameters.hpp"
#include "training_data.hpp"

#include <algorithm>
#include <map>
#include <span>

namespace bench {

using kvmem::BagScale;
using kvmem::Matrix;
using kvmem::Parameter;
using kvmem::Segments;
using kvmem::Tape;
using kvmem::Token;
using kvmem::Var;

namespace {

Matrix normal_matrix(Index rows, Index cols, std::uint32_t stream, double deviation) {
    Matrix m(rows, cols);
    fill_normal(m.data(), m.size(), stream, deviation);
    return m;
}

Matrix ones(Index cols) {
    Matrix m(1, cols);
    m.fill(1);
    return m;
}

// Running offsets of as many bags, segments or rows as any shard may want.
class Steps {
  public:
    Steps(Index step, Index count) {
        for (Index i = 0; i <= count; ++i) offsets_.push_back(i * step);
    }
    std::span<const Index> first(Index count) const {
        return std::span(offsets_).first(static_cast<std::size_t>(count) + 1);
    }

  private:
    std::vector<Index> offsets_;
};

// Bags that can be looked at in part.
class BagSteps {
  public:
    explicit BagSteps(Bags bags)
        : bags_(std::move(bags)), offsets_(bags_.length, static_cast<Index>(bags_.tokens.size()) / bags_.length) {}
    kvmem::RaggedView<Token> part(Index first, Index count) const {
        return {std::span(bags_.tokens)
                    .subspan(static_cast<std::size_t>(first * bags_.length),
                             static_cast<std::size_t>(count * bags_.length)),
                offsets_.first(count)};
    }

  private:
    Bags bags_;
    Steps offsets_;
};

// A step: the losses of the parts on their tapes, backward, and one update.
class Training : public Task {
  public:
    Training(const Case& c, Sharding sharding)
        : case_(c),
          sharding_(sharding),
          threads_(static_cast<int>(c.threads)),
          tapes_(static_cast<std::size_t>(sharding.tapes)),
          losses_(static_cast<std::size_t>(sharding.tapes)),
          one_each_(1, c.batch),
          slots_each_(c.slots, c.batch) {}

    void run() override {
        const auto [tapes, parts] = sharding_;
        kvmem::parallel_for(tapes, 1, [&, parts = parts](Index first, Index last) {
            for (Index tape = first; tape < last; ++tape) {
                tapes_[static_cast<std::size_t>(tape)].reset();
                losses_[static_cast<std::size_t>(tape)] = 0;
                for (Index part = 0; part < parts; ++part) run_part(tape, part);
            }
        });
        if (!updates() && tapes == 1) return;
        if (!optimizer_) optimizer_ = std::make_unique<kvmem::Optimizer>(parameters(), sgd());
        optimizer_->step(tapes_, updates() ? learning_rate : 0);  // with rate 0: the sum of the tapes' gradients
    }

    double loss() const override {
        double sum = 0;
        for (const double l : losses_) sum += l;
        return sum * loss_factor();
    }

  protected:
    // The sum over the examples [first, first + count).
    virtual Var shard_loss(Tape& tape, Index first, Index count) = 0;
    virtual double loss_factor() const { return 1 / static_cast<double>(case_.batch); }
    virtual bool updates() const { return true; }
    virtual kvmem::Parameters& parameters() { return parameters_; }

    Segments own_slots(Index count) const { return {one_each_.first(count), slots_each_.first(count)}; }
    Parameter& add(const std::string& name, Index rows, Index cols, std::uint32_t stream, double deviation) {
        return parameters_.add(name, normal_matrix(rows, cols, stream, deviation));
    }

    Case case_;
    kvmem::Parameters parameters_;

  private:
    void run_part(Index at, Index part) {
        Tape& tape = tapes_[static_cast<std::size_t>(at)];
        tape.rewind();
        const Index parts = sharding_.tapes * sharding_.parts, i = at * sharding_.parts + part;
        const Index begin = case_.batch * i / parts, end = case_.batch * (i + 1) / parts;
        const Var loss = shard_loss(tape, begin, end - begin);
        losses_[static_cast<std::size_t>(at)] += static_cast<double>(loss.value().data[0]);
        tape.backward(loss, static_cast<float>(loss_factor()));
    }
    static kvmem::OptimizerOptions sgd() {
        kvmem::OptimizerOptions options;
        options.method = kvmem::Method::sgd;
        return options;
    }

    Sharding sharding_;
    kvmem::ThreadLimit threads_;
    std::vector<Tape> tapes_;
    std::unique_ptr<kvmem::Optimizer> optimizer_;
    std::vector<double> losses_;
    Steps one_each_, slots_each_;
};

// The model itself, as `kvmem train --model mem-n2n --encoding bag` has it. Its tables are the contestants' first ones:
// of each, the words' rows and, with the last place first, the places' rows.
class MemN2N : public Training {
  public:
    MemN2N(const Case& c, Sharding sharding) : MemN2N(c, sharding, MemN2NData(c)) {}

  private:
    static constexpr Index words = MemN2NData::words;

    MemN2N(const Case& c, Sharding sharding, const MemN2NData& data)
        : Training(c, sharding),
          model_(config(c), vocabulary(), candidates(), [&](const std::string& name) { return table(c, name); }) {
        for (Index i = 0; i < sharding.tapes * sharding.parts; ++i) {
            const Index parts = sharding.tapes * sharding.parts;
            const Index first = c.batch * i / parts, end = c.batch * (i + 1) / parts;
            batches_.emplace(first, batch_of(c, data, first, end));
        }
    }

    static kvmem::MemN2NConfig config(const Case& c) {
        kvmem::MemN2NConfig config;
        config.width = c.width;
        config.hops = MemN2NData::hops;
        config.memory = c.slots;
        config.encoding = kvmem::Encoding::bag;
        config.random_noise = 0;
        config.linear_start = false;
        return config;
    }
    // Word w is token w + 1: the first token is the unknown one.
    static kvmem::Vocabulary vocabulary() {
        kvmem::Vocabulary all;
        for (Index w = 0; w < words; ++w) all.add(kvmem::TokenKind::entity, "w" + std::to_string(w));
        return all;
    }
    static std::vector<Token> candidates() {
        std::vector<Token> all;
        for (Index w = 0; w < words; ++w) all.push_back(static_cast<Token>(w + 1));
        return all;
    }
    static Matrix table(const Case& c, const std::string& name) {
        const bool places = name.front() == 'T';
        const std::string of = places ? name.substr(1) : name;
        const auto stream = static_cast<std::uint32_t>(of == "A" ? 41 : 41 + std::stoi(of.substr(1)));
        const Matrix all = normal_matrix(words + c.slots, c.width, stream, 0.1);
        Matrix part(places ? c.slots : words + 1, c.width);
        for (Index i = 0; i < (places ? c.slots : words); ++i)
            std::copy_n(all.row(places ? words + c.slots - 1 - i : i), c.width, part.row(places ? i : i + 1));
        return part;
    }
    static kvmem::Batch batch_of(const Case& c, const MemN2NData& data, Index first, Index end) {
        kvmem::Batch batch;
        const auto words_of = [](const Bags& bags, Index i, Index count) {
            std::vector<Token> row;
            for (Index j = 0; j < count; ++j)
                row.push_back(bags.tokens[static_cast<std::size_t>(i * bags.length + j)] + 1);
            return row;
        };
        for (Index i = first; i < end; ++i) {
            for (Index s = i * c.slots; s < (i + 1) * c.slots; ++s) {
                const std::vector<Token> sentence = words_of(data.story, s, MemN2NData::sentence);
                batch.slots.key.push_row(sentence);
                batch.slots.value.push_row(sentence);
            }
            batch.slot_offsets.push_back(batch.slots.size());
            batch.question.push_row(words_of(data.question, i, MemN2NData::sentence));
            const auto answer = static_cast<Token>(data.answer[static_cast<std::size_t>(i)] + 1);
            batch.answer.push_row(std::span(&answer, 1));
        }
        return batch;
    }

    Var shard_loss(Tape& tape, Index first, Index) override {
        kvmem::Rng nothing(1);
        return model_.loss(tape, batches_.at(first), nothing);
    }
    kvmem::Parameters& parameters() override { return model_.parameters(); }

    kvmem::MemN2N model_;
    std::map<Index, kvmem::Batch> batches_;  // by their first example
};

class KvMemNN : public Training {
  public:
    KvMemNN(const Case& c, Sharding sharding) : KvMemNN(c, sharding, KvMemNNData(c)) {}

  private:
    KvMemNN(const Case& c, Sharding sharding, KvMemNNData data)
        : Training(c, sharding),
          key_(std::move(data.key)),
          value_(std::move(data.value)),
          question_(std::move(data.question)),
          candidates_(std::move(data.candidates)),
          in_(&add("A", KvMemNNData::words, c.width, 51, 0.1)),
          out_(&add("B", KvMemNNData::words, c.width, 52, 0.1)) {
        for (Index j = 0; j < KvMemNNData::hops; ++j)
            maps_.push_back(&add("R" + std::to_string(j), c.width, c.width, static_cast<std::uint32_t>(53 + j),
                                 1 / std::sqrt(static_cast<double>(c.width))));
        for (Index i = 0; i < c.batch; ++i) answer_.push_back(i);
    }

    Var shard_loss(Tape& tape, Index first, Index count) override {
        const Index slot = first * case_.slots, slots = count * case_.slots;
        Var state = embed_sum(tape, *in_, question_.part(first, count), BagScale::sum);
        const Var key = embed_sum(tape, *in_, key_.part(slot, slots), BagScale::sum);
        const Var value = embed_sum(tape, *in_, value_.part(slot, slots), BagScale::sum);
        for (const Parameter* map : maps_)
            state = linear(kvmem::add(state, lookup(state, key, value, own_slots(count), 1, 1)), tape.parameter(*map));
        const auto columns = candidates_.part(0, case_.batch + KvMemNNData::negatives);
        return cross_entropy(
            dot_scores(state, embed_sum(tape, *out_, columns, BagScale::sum)),
            std::span(answer_).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
    }

    BagSteps key_, value_, question_, candidates_;
    Parameter *in_, *out_;
    std::vector<Parameter*> maps_;
    std::vector<Index> answer_;
};

// The models that `kvmem train` has, on the words of Seq2SeqData.
template <class Model, class Config>
class Words : public Training {
  public:
    Words(const Case& c, Sharding sharding, const Config& config)
        : Training(c, sharding), data_(c), model_(config, {units(data_.source_tokens), units(data_.target_tokens)}) {
        for (Parameter& p : model_.parameters()) fill_parameter(p.name, p.value.data(), p.value.rows(), p.value.cols());
    }

  private:
    static kvmem::Units units(Index tokens) {
        std::vector<std::string> texts;
        for (Index i = 3; i < tokens; ++i) texts.push_back("t" + std::to_string(i));
        return kvmem::Units(kvmem::UnitKind::words, texts);
    }
    Var shard_loss(Tape& tape, Index first, Index count) override {
        const auto part = [&](const std::vector<std::vector<std::int64_t>>& words) {
            kvmem::Ragged<Token> rows;
            for (Index i = first; i < first + count; ++i) {
                const auto& word = words[static_cast<std::size_t>(i)];
                rows.values.insert(rows.values.end(), word.begin(), word.end());
                rows.end_row();
            }
            return rows;
        };
        return model_.loss(tape, part(data_.source), part(data_.target));
    }
    kvmem::Parameters& parameters() override { return model_.parameters(); }

    Seq2SeqData data_;
    Model model_;
};

std::unique_ptr<Task> seq2seq(const Case& c, Sharding sharding) {
    kvmem::Seq2SeqConfig config;
    config.width = c.width, config.embedding = c.width / 2;
    config.dropout = config.label_smoothing = 0;
    return std::make_unique<Words<kvmem::Seq2Seq, kvmem::Seq2SeqConfig>>(c, sharding, config);
}

std::unique_ptr<Task> transformer(const Case& c, Sharding sharding) {
    kvmem::TransformerConfig config;
    config.width = c.width, config.heads = TransformerData::heads, config.inner = 4 * c.width;
    config.encoder_layers = config.decoder_layers = TransformerData::layers;
    config.positions = kvmem::Positions::learned, config.max_positions = TransformerData::max_positions;
    config.norm_order = kvmem::NormOrder::post, config.feed_forward = kvmem::FeedForwardForm::relu;
    config.dropout = config.label_smoothing = 0;
    return std::make_unique<Words<kvmem::Transformer, kvmem::TransformerConfig>>(c, sharding, config);
}

class Encoder : public Training {
  public:
    Encoder(const Case& c, Sharding sharding) : Training(c, sharding), data_(c), sequences_(c.slots, c.batch) {
        const Index d = c.width, inner = EncoderData::inner;
        using D = EncoderData;
        query_ = dense("query", d, d, D::query), key_ = dense("key", d, d, D::key);
        value_ = dense("value", d, d, D::value), output_ = dense("output", d, d, D::output);
        rise_ = dense("rise", inner, d, D::rise), fall_ = dense("fall", d, inner, D::fall);
        first_norm_ = norm("norm1"), second_norm_ = norm("norm2");
    }

  private:
    struct Pair {
        const Parameter *weight, *bias;
    };
    Pair dense(const std::string& name, Index out, Index in, std::uint32_t stream) {
        return {&add(name, out, in, stream, 1 / std::sqrt(static_cast<double>(in))),
                &parameters_.add(name + ".bias", Matrix(1, out))};
    }
    Pair norm(const std::string& name) {
        return {&parameters_.add(name, ones(case_.width)), &parameters_.add(name + ".bias", Matrix(1, case_.width))};
    }
    static Var apply(Var x, const Pair& p) {
        return linear(x, x.tape->parameter(*p.weight), x.tape->parameter(*p.bias));
    }
    static Var normalize(Var x, const Pair& p) {
        return layer_norm(x, x.tape->parameter(*p.weight), x.tape->parameter(*p.bias));
    }

    Var shard_loss(Tape& tape, Index first, Index count) override {
        const auto part = [&](const Floats& of) {
            const kvmem::ConstView all{of.data(), case_.batch * case_.slots, case_.width};
            return tape.constant(all.middle_rows(first * case_.slots, count * case_.slots));
        };
        const auto sequences = sequences_.first(count);
        const Var x = part(data_.input);
        const float root = std::sqrt(static_cast<float>(case_.width / case_.heads));
        const Var read =
            lookup(apply(x, query_), apply(x, key_), apply(x, value_), {sequences, sequences}, case_.heads, 1 / root);
        const Var y = normalize(kvmem::add(x, apply(read, output_)), first_norm_);
        const Var z = apply(activate(apply(y, rise_), kvmem::Activation::relu), fall_);
        return sum(multiply(normalize(kvmem::add(y, z), second_norm_), part(data_.weight)));
    }
    double loss_factor() const override { return 1; }
    bool updates() const override { return false; }

    EncoderData data_;
    Steps sequences_;
    Pair query_{}, key_{}, value_{}, output_{}, rise_{}, fall_{}, first_norm_{}, second_norm_{};
};

}  // namespace

std::unique_ptr<Task> kvmem_training(const Case& c, Sharding sharding) {
    if (c.kind == "memn2n") return std::make_unique<MemN2N>(c, sharding);
    if (c.kind == "kvmemnn") return std::make_unique<KvMemNN>(c, sharding);
    if (c.kind == "seq2seq") return seq2seq(c, sharding);
    if (c.kind == "transformer") return transformer(c, sharding);
    if (c.kind == "encoder") return std::make_unique<Encoder>(c, sharding);
    return nullptr;
}

}  // namespace bench
