#include "kvmem/tasks/recommendation/models/sasrec.hpp"

#include "kvmem/core/error.hpp"
#include "tasks/recommendation/item_vectors.hpp"
#include "tasks/recommendation/model_type.hpp"
#include "tasks/recommendation/negatives.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace kvmem {

void SasRecConfig::check() const {
    if (width % heads != 0)
        throw UsageError({.what = "the heads do not divide the width",
                          .expected = "a width that is a multiple of " + std::to_string(heads),
                          .got = std::to_string(width)});
}

// --- rows of histories

void SequenceEncoder::Rows::add(const History& history, Index max) {
    const Events& events = *history.events;
    for (Index e = history.last(max).first; e < history.end; ++e) {
        groups.push_back(events.group[e]);
        objects.push_back(events.object[e]);
        actions.push_back(events.action[e]);
        event.push_back(e);
    }
    offsets.push_back(std::ssize(objects));
}

CausalTargets causal_targets(const Events& events, std::span<const Window> windows, Index group) {
    CausalTargets all;
    for (const Window& window : windows) {
        const Index first_row = std::ssize(all.rows.objects);
        all.rows.add({&events, window.first, window.end, 0}, window.end - window.first);
        Index row = first_row - 1;  // the last one before the basket of the target
        for (Index e = window.begin; e < window.end; ++e) {
            if (events.group[e] != group || events.mark[e] != EventMark::train) continue;
            const Index begin = basket_begin(events, e);
            while (row + 1 < std::ssize(all.rows.event) && all.rows.event[row + 1] < begin) ++row;
            if (row < first_row) continue;
            if (all.read.empty() || all.read.back() != row) {
                if (!all.read.empty()) all.targets.end_row();
                all.read.push_back(row);
                all.histories.push_back({&events, window.first, begin, events.time[e]});
            }
            const Index last = all.targets.offsets.back();
            const auto same = std::span(all.targets.values).subspan(last);
            if (std::ranges::find(same, events.object[e]) == same.end()) all.targets.values.push_back(events.object[e]);
        }
    }
    if (!all.read.empty()) all.targets.end_row();
    return all;
}

// --- encoder

SequenceEncoder::~SequenceEncoder() = default;

SequenceEncoder::SequenceEncoder(Parameters& parameters, const Catalog& catalog, const SasRecConfig& config)
    : config_(config), group_(catalog.group), items_(catalog.items()) {
    const SasRecConfig& c = config_;
    constexpr double deviation = 0.05;
    vectors_ = std::make_unique<ItemVectors>(parameters, catalog, c.width, c.features, true, c.seed, deviation);
    if (catalog.actions.size() > 1)
        action_ = &parameters.add_normal("action", std::ssize(catalog.actions), c.width, deviation, c.seed);
    position_ = &parameters.add_normal("position", c.max_history, c.width, deviation, c.seed);
    for (Index i = 0; i < c.layers; ++i) {
        const std::string name = "layer-" + std::to_string(i + 1);
        layers_.push_back(
            {LayerNorm(parameters, name + ".attention-norm", c.width),
             LayerNorm(parameters, name + ".inner-norm", c.width),
             MultiHeadAttention(parameters, name + ".attention", {.width = c.width, .heads = c.heads}, c.seed),
             FeedForward(parameters, name + ".inner", c.width, c.width, Activation::relu, c.seed)});
    }
    norm_.emplace(parameters, "norm", c.width);
    bias_ = &parameters.add("bias", Matrix(1, items_));
}

Var SequenceEncoder::embed(Tape& tape, const Rows& rows) const {
    Var x = vectors_->sums(tape, rows.groups, rows.objects, config_.drop_items);
    if (action_) x = x + embed_rows(tape, *action_, rows.actions);
    std::vector<Token> positions;
    for (std::size_t i = 0; i + 1 < rows.offsets.size(); ++i)
        for (Index row = rows.offsets[i]; row < rows.offsets[i + 1]; ++row)
            positions.push_back(static_cast<Token>(std::min(row - rows.offsets[i], config_.max_history - 1)));
    return dropout(x + embed_rows(tape, *position_, positions), config_.dropout);
}

Var SequenceEncoder::states(Tape& tape, const Rows& rows) const {
    Var x = embed(tape, rows);
    for (const Layer& layer : layers_) {
        AttendOptions how{.causal = true};
        if (tape.training() && config_.dropout > 0) how.dropout = config_.dropout;
        const Var read = layer.attention.self(layer.attention_norm(x), rows.offsets, how).out;
        x = x + dropout(read, config_.dropout);
        x = x + dropout(layer.inner(layer.inner_norm(x)), config_.dropout);
    }
    return (*norm_)(x);
}

Var SequenceEncoder::last_states(Tape& tape, const Rows& rows) const {
    const Index width = config_.width, count = std::ssize(rows.offsets) - 1;
    const Var none = tape.constant(Matrix(1, width));
    std::vector<Index> last;
    for (Index i = 0; i < count; ++i)
        last.push_back(rows.offsets[i + 1] > rows.offsets[i] ? rows.offsets[i + 1] - 1 : std::ssize(rows.objects));
    if (rows.objects.empty()) return take_rows(none, std::vector<Index>(count, 0));
    return take_rows(concat_rows({states(tape, rows), none}), last);
}

Var SequenceEncoder::scores(Var states) const {
    Tape& tape = *states.tape;
    return linear(states, vectors_->all_sums(tape, config_.drop_items), tape.parameter(*bias_));
}

Matrix SequenceEncoder::item_vectors() const {
    Tape tape;
    tape.set_training(false);
    return with_column(vectors_->all_sums(tape), reshape(tape.parameter(*bias_), items_, 1));
}

Var SequenceEncoder::loss(Var states, const Ragged<Index>& targets, std::span<const History> histories,
                          Rng& rng) const {
    Tape& tape = *states.tape;
    if (config_.loss == SequenceLoss::softmax) return set_cross_entropy(scores(states), targets, max_basket_weight);
    std::vector<Token> right, negatives;
    std::vector<Index> rows;
    for (Index i = 0; i < targets.size(); ++i)
        for (const Index target : targets[i]) {
            right.push_back(static_cast<Token>(target));
            rows.push_back(i);
            if (config_.loss == SequenceLoss::bce)
                negatives.push_back(draw_without(
                    items_, rng, [&](Token item) { return item == target || histories[i].has(group_, item); }));
        }
    const Var read = take_rows(states, rows);
    const auto biases = [&](std::span<const Token> items) {
        return take_rows(reshape(tape.parameter(*bias_), items_, 1), std::vector<Index>(items.begin(), items.end()));
    };
    const Var right_scores = row_dots(read, vectors_->sums(tape, right)) + biases(right);
    const std::vector<Index> first(right.size(), 0);
    if (config_.loss == SequenceLoss::bce) {
        const Var wrong_scores = row_dots(read, vectors_->sums(tape, negatives)) + biases(negatives);
        const Var zeros = tape.constant(Matrix(std::ssize(right), 1));
        return cross_entropy(concat_cols({right_scores, zeros}), first) +
               cross_entropy(concat_cols({zeros, wrong_scores}), first);
    }
    for (Index i = 0; i < config_.negatives; ++i) negatives.push_back(static_cast<Token>(rng.below(items_)));
    Ragged<Index> same;  // negatives that are the target itself
    for (const Token item : right) {
        for (std::size_t n = 0; n < negatives.size(); ++n)
            if (negatives[n] == item) same.values.push_back(static_cast<Index>(n) + 1);
        same.end_row();
    }
    const Var wrong_scores =
        linear(read, vectors_->sums(tape, negatives), reshape(biases(negatives), 1, config_.negatives));
    return cross_entropy(concat_cols({right_scores, wrong_scores}), first, same);
}

Matrix SequenceEncoder::attention(const Rows& rows) const {
    const Index count = std::ssize(rows.objects), heads = config_.heads;
    Matrix weights(heads, count);
    if (count == 0) return weights;
    Tape tape;
    tape.set_training(false);
    Var x = embed(tape, rows);
    for (const Layer& layer : layers_) {
        const auto read = layer.attention.self(layer.attention_norm(x), rows.offsets, {.causal = true});
        if (&layer == &layers_.back()) {
            const Var all = read.weights();  // [queries, heads, slots]
            for (Index i = 0; i < weights.size(); ++i)
                weights.data()[i] = all.value().data[(count - 1) * heads * count + i];
        }
        x = x + read.out;
        x = x + layer.inner(layer.inner_norm(x));
    }
    return weights;
}

// --- model

SasRec::SasRec(const SasRecConfig& config, Catalog catalog, Start start)
    : RecommendationModel(std::move(catalog), start),
      config_(validated(config)),
      encoder_(parameters_, this->catalog(), config_) {}

std::string SasRec::summary() const {
    return "A self-attentive sequence model (SASRec) of width " + std::to_string(config_.width) + " with " +
           std::to_string(config_.layers) + " layer(s)";
}

static SequenceEncoder::Rows rows_of(std::span<const History> histories, Index max) {
    SequenceEncoder::Rows rows;
    for (const History& history : histories) rows.add(history, max);
    return rows;
}

void SasRec::score(std::span<const History> histories, View scores) const {
    Tape tape;
    tape.set_training(false);
    const Var states = encoder_.last_states(tape, rows_of(histories, config_.max_history));
    std::ranges::copy(encoder_.scores(states).value().span(), scores.span().begin());
}

Matrix SasRec::history_vectors(std::span<const History> histories) const {
    return encoded_in_blocks(histories, [&](Tape& tape, std::span<const History> block) {
        return encoder_.last_states(tape, rows_of(block, config_.max_history));
    });
}

Explanation SasRec::explain(const History& history, Token) const {
    const SequenceEncoder::Rows rows = rows_of({&history, 1}, config_.max_history);
    const Matrix weights = encoder_.attention(rows);
    Explanation explanation{{}, Matrix(config_.heads, history.size())};
    for (Index head = 0; head < config_.heads; ++head) {
        explanation.names.push_back("head " + std::to_string(head + 1));
        for (std::size_t row = 0; row < rows.event.size(); ++row)
            explanation.weights(head, rows.event[row] - history.first) = weights(head, static_cast<Index>(row));
    }
    return explanation;
}

Var SasRec::loss(Tape& tape, const Events& events, std::span<const Window> windows, Rng& rng) const {
    const CausalTargets all = causal_targets(events, windows, catalog().group);
    if (all.read.empty()) return tape.constant(Matrix(1, 1));
    const Var states = take_rows(encoder_.states(tape, all.rows), all.read);
    return encoder_.loss(states, all.targets, all.histories, rng);
}

const RecommendationModelType& sasrec() {
    static const auto type = RecommendationModelType::of<SasRec, SasRecConfig>(
        "self-attention over the history, causal (Kang and McAuley 2018)", [](TrainerOptions& t) {
            t.epochs = 50;
            t.batch = 64;
            t.shards = 2;  // large ones share their negatives' products
            t.patience = 8;
            t.optimizer.clip_norm = 5;
            t.schedule = {.rate = 1e-3, .warmup = 0.02};
        });
    return type;
}

}  // namespace kvmem
