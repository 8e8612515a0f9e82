#include "kvmem/tasks/recommendation/models/baselines.hpp"

#include "tasks/recommendation/item_vectors.hpp"
#include "tasks/recommendation/model_type.hpp"
#include "tasks/recommendation/negatives.hpp"

#include <algorithm>
#include <utility>

namespace kvmem {

Baseline::~Baseline() = default;

Baseline::Baseline(const BaselineConfig& config, Catalog known, Start start, bool pairwise)
    : RecommendationModel(std::move(known), start), base_(config), pairwise_(pairwise) {
    vectors_ = std::make_unique<ItemVectors>(parameters_, catalog(), base_.width, true, false, base_.seed);
    bias_ = &parameters_.add("bias", Matrix(catalog().items(), 1));
}

Index Baseline::row_width() const { return vectors_->row_width(); }

Var Baseline::users_of(Tape& tape, std::span<const History> histories) const {
    std::vector<Token> items;
    std::vector<Index> offsets{0};
    for (const History& whole : histories) {
        const History history = whole.last(base_.max_history);
        for (Index e = history.first; e < history.end; ++e)
            if (history.events->group[e] == catalog().group) items.push_back(history.events->object[e]);
        offsets.push_back(std::ssize(items));
    }
    return users(vectors_->rows(tape, items), offsets);
}

void Baseline::score(std::span<const History> histories, View scores) const {
    Tape tape;
    tape.set_training(false);
    const Index items = catalog().items();
    const Var bias = reshape(tape.parameter(*bias_), 1, items);
    const Var all = linear(users_of(tape, histories), vectors_->rows(tape, all_tokens(items)), bias);
    std::ranges::copy(all.value().span(), scores.span().begin());
}

Var Baseline::loss(Tape& tape, const Events& events, std::span<const Window> windows, Rng& rng) const {
    const TargetPairs pairs = target_pairs(events, windows, catalog(), base_.redraw, base_.seed, rng);
    const Var users = users_of(tape, pairs.histories);
    const auto score = [&](std::span<const Token> items, Var vectors) {
        return row_dots(users, vectors) + embed_rows(tape, *bias_, items);
    };
    const Var right = vectors_->rows(tape, pairs.targets), wrong = vectors_->rows(tape, pairs.negatives);
    const Var better = score(pairs.targets, right), worse = score(pairs.negatives, wrong);
    const Var zeros = tape.constant(Matrix(better.rows(), 1));
    const std::vector<Index> first(pairs.targets.size(), 0);
    const Var cost = pairwise_ ? cross_entropy(concat_cols({better, worse}), first)
                               : cross_entropy(concat_cols({better, zeros}), first) * Real{0.5} +
                                     cross_entropy(concat_cols({zeros, worse}), first) * Real{0.5};
    if (base_.l2 == 0) return cost;
    const Var squares = sum(users * users) + sum(right * right) + sum(wrong * wrong);
    return cost + squares * static_cast<Real>(base_.l2 / 2);
}

// --- bpr

Bpr::Bpr(const BprConfig& config, Catalog known, Start start)
    : Baseline(validated(config), std::move(known), start, true),
      config_(config),
      out_(parameters_, "user", row_width(), row_width(), config.seed, {.init = Init::xavier}) {}

std::string Bpr::summary() const { return "Factors of width " + std::to_string(config_.width) + " ranked in pairs"; }

Var Bpr::users(Var items, std::span<const Index> offsets) const { return out_(segment_mean(items, offsets)); }

// --- bi-lstm

BiLstm::BiLstm(const BiLstmConfig& config, Catalog known, Start start)
    : Baseline(validated(config), std::move(known), start, false),
      config_(config),
      cells_(parameters_, "cells", {.in = row_width(), .width = row_width(), .bidirectional = true}, config.seed),
      out_(parameters_, "user", 2 * row_width(), row_width(), config.seed, {.init = Init::xavier}) {}

std::string BiLstm::summary() const {
    return "A bidirectional LSTM over vectors of width " + std::to_string(config_.width);
}

Var BiLstm::users(Var items, std::span<const Index> offsets) const {
    const Recurrent::Run run = cells_(items, offsets);
    return out_(concat_cols(run.last.h));  // forwards and backwards
}

static void train_in_minutes(TrainerOptions& t) {
    t.epochs = 20;
    t.batch = 256;
    t.shards = 4;
    t.patience = 3;
    t.optimizer.clip_norm = 5;
    t.schedule = {.rate = 1e-3};
}

const RecommendationModelType& bpr() {
    static const auto type = recommendation_model_type<Bpr, BprConfig>(
        "factors of items, ranked in pairs (Rendle et al. 2009)", train_in_minutes);
    return type;
}
const RecommendationModelType& bi_lstm() {
    static const auto type = recommendation_model_type<BiLstm, BiLstmConfig>(
        "an LSTM in both directions, a rival of ATRank", train_in_minutes);
    return type;
}

}  // namespace kvmem
