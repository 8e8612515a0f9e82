#include "kvmem/tasks/recommendation/models/baselines.hpp"

#include "autograd/ranking_ops.hpp"
#include "tasks/recommendation/ages.hpp"
#include "tasks/recommendation/item_vectors.hpp"
#include "tasks/recommendation/model_type.hpp"
#include "tasks/recommendation/negatives.hpp"

#include <algorithm>
#include <utility>

namespace kvmem {

Baseline::~Baseline() = default;

Baseline::Baseline(const BaselineConfig& config, Catalog known, Start start)
    : RecommendationModel(std::move(known), start), base_(config) {
    vectors_ = std::make_unique<ItemVectors>(parameters_, catalog(), base_.width, true, false, base_.seed);
    bias_ = &parameters_.add("bias", Matrix(catalog().items(), 1));
}

Index Baseline::row_width() const { return vectors_->row_width(); }

Baseline::Items Baseline::items_of(Tape& tape, std::span<const History> histories) const {
    Items read{{}, {0}, {}, {}};
    std::vector<Token> items;
    for (const History& whole : histories) {
        const History history = whole.last(base_.max_history);
        const Events& events = *history.events;
        for (Index e = history.first; e < history.end; ++e) {
            if (events.group[e] != catalog().group) continue;
            items.push_back(events.object[e]);
            read.ages.push_back(age_bucket(history.now, events.time[e]));
            read.event.push_back(e);
        }
        read.offsets.push_back(std::ssize(items));
    }
    read.vectors = vectors_->rows(tape, items);
    return read;
}

Var Baseline::vectors_of(Tape& tape, std::span<const Token> candidates) const {
    return vectors_->rows(tape, candidates);
}

Var Baseline::biases_of(Tape& tape, std::span<const Token> candidates) const {
    return embed_rows(tape, *bias_, candidates);
}

Var Baseline::users(Var encoded, const Items&, Var, const Segments&) const { return encoded; }

void Baseline::score(std::span<const History> histories, View scores) const {
    if (reads_candidates()) return score_each(histories, scores);
    Tape tape;
    tape.set_training(false);
    const Index items = catalog().items();
    const Var bias = reshape(tape.parameter(*bias_), 1, items);
    const Var all = linear(encode(items_of(tape, histories)), vectors_->rows(tape, all_tokens(items)), bias);
    std::ranges::copy(all.value().span(), scores.span().begin());
}

Matrix Baseline::item_vectors() const {
    if (reads_candidates()) return RecommendationModel::item_vectors();
    Tape tape;
    tape.set_training(false);
    return with_column(vectors_of(tape, all_tokens(catalog().items())), tape.parameter(*bias_));
}

Matrix Baseline::history_vectors(std::span<const History> histories) const {
    if (reads_candidates()) return RecommendationModel::history_vectors(histories);
    return encoded_in_blocks(histories,
                             [&](Tape& tape, std::span<const History> block) { return encode(items_of(tape, block)); });
}

// Of the candidates' vectors alone, as a history has two where there are thousands of items.
void Baseline::score(const Candidates& candidates, std::span<Real> scores) const {
    Tape tape;
    tape.set_training(false);
    const auto [tokens, offsets] = candidates.items;
    const Items items = items_of(tape, candidates.histories);
    const Var vectors = vectors_of(tape, tokens), encoded = encode(items);
    Var users = encoded;
    if (reads_candidates()) {
        users = this->users(encoded, items, vectors, {offsets, items.offsets});
    } else {
        std::vector<Index> history(tokens.size());
        for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
            std::fill(history.begin() + offsets[i], history.begin() + offsets[i + 1], static_cast<Index>(i));
        users = take_rows(encoded, history);
    }
    const Var logits = row_dots(users, vectors) + biases_of(tape, tokens);
    std::ranges::copy(logits.value().span(), scores.begin());
}

// Each history is encoded once, and all items read it. Their vectors are the same for all histories.
void Baseline::score_each(std::span<const History> histories, View scores) const {
    Tape all, tape;
    all.set_training(false);
    tape.set_training(false);
    const std::vector<Token> tokens = all_tokens(catalog().items());
    const ConstView vectors = vectors_->rows(all, tokens).value(), bias = biases_of(all, tokens).value();
    for (Index i = 0; i < scores.rows; ++i) {
        tape.reset();
        const Items items = items_of(tape, histories.subspan(i, 1));
        const Var candidates = tape.constant(vectors);
        const OwnedSegments segments = Segments::all(scores.cols, items.vectors.rows());
        const Var users = this->users(encode(items), items, candidates, segments);
        const Var logits = row_dots(users, candidates) + tape.constant(bias);
        std::ranges::copy(logits.value().span(), scores.row(i));
    }
}

Var Baseline::loss(Tape& tape, const Events& events, std::span<const Window> windows, Rng& rng) const {
    const TargetPairs pairs = target_pairs(events, windows, catalog(), base_.redraw, base_.seed, rng);
    const Items items = items_of(tape, pairs.histories);
    const Var encoded = encode(items);
    const OwnedSegments one_each = Segments::one_query_each(items.offsets);
    const auto judge = [&](std::span<const Token> tokens) {
        const Var candidates = vectors_->rows(tape, tokens);
        const Var user = users(encoded, items, candidates, one_each);
        const Var score = row_dots(user, candidates) + biases_of(tape, tokens);
        return std::pair(score, sum(user * user) * Real{0.5} + sum(candidates * candidates));
    };
    const auto [better, right_squares] = judge(pairs.targets);
    const auto [worse, wrong_squares] = judge(pairs.negatives);
    const Var zeros = tape.constant(Matrix(better.rows(), 1));
    const std::vector<Index> first(pairs.targets.size(), 0);
    const Var cost = cross_entropy(concat_cols({better, zeros}), first) * Real{0.5} +
                     cross_entropy(concat_cols({zeros, worse}), first) * Real{0.5};
    if (base_.l2 == 0) return cost;
    return cost + (right_squares + wrong_squares) * static_cast<Real>(base_.l2 / 2);
}

// --- bpr

Bpr::Bpr(const BprConfig& config, Catalog known, Start start)
    : Baseline(validated(config), std::move(known), start),
      config_(config),
      out_(parameters_, "user", row_width(), row_width(), config.seed, {.init = Init::xavier}) {}

std::string Bpr::summary() const { return "Factors of width " + std::to_string(config_.width) + " ranked in pairs"; }

Var Bpr::encode(const Items& items) const { return out_(segment_mean(items.vectors, items.offsets)); }

namespace {
// What a pass of bpr reads: the items of the windows' histories and targets, and a negative for each target.
struct BprRows {
    std::vector<Token> items{};         // with the negatives behind all others
    std::vector<RowRange> histories{};  // different ones
    std::vector<RankedPair> pairs{};    // of a history, a target and its negative
};
}  // namespace

static constexpr std::size_t windows_ahead = 8;  // they come in random order

static BprRows bpr_rows(Tape& tape, const Events& events, std::span<const Window> windows, const Catalog& catalog,
                        const BprConfig& config, Rng& rng) {
    BprRows rows;
    std::vector<Token> negatives;
    const std::span<Real> marks = tape.zeros(catalog.items());  // of items that are no negatives
    const auto is_item = [&](Index e) { return events.group[e] == catalog.group; };
    for (std::size_t w = 0; w < windows.size(); ++w) {
        const Window& window = windows[w];
        if (w + windows_ahead < windows.size()) {
            const Index ahead = windows[w + windows_ahead].first;
            __builtin_prefetch(&events.object[ahead]);
            __builtin_prefetch(&events.group[ahead]);
            __builtin_prefetch(&events.mark[ahead]);
        }
        const History known = known_events(events, window.begin);
        const auto mark = [&](Real value) {
            for (Index e = known.first; e < known.end; ++e)
                if (is_item(e)) marks[events.object[e]] = value;
        };
        mark(1);
        const Index first = std::ssize(rows.items);
        RowRange history{first, first};
        Index basket = window.first;  // where that of the event begins, and the history ends
        for (Index e = window.first; e < window.end; ++e) {
            if (basket_begin(events, e) == e) basket = e, history.end = std::ssize(rows.items);
            if (!is_item(e)) continue;
            if (e >= window.begin && events.mark[e] == EventMark::train && basket > window.first) {
                if (rows.histories.empty() || rows.histories.back() != history) rows.histories.push_back(history);
                Rng once = negative_of(config.seed, e);
                rows.pairs.push_back({std::ssize(rows.histories) - 1, std::ssize(rows.items), std::ssize(negatives)});
                negatives.push_back(draw_without(catalog.items(), config.redraw ? rng : once,
                                                 [&](Token item) { return marks[item] != 0; }));
            }
            rows.items.push_back(events.object[e]);
        }
        mark(0);
    }
    for (RankedPair& pair : rows.pairs) pair.worse += std::ssize(rows.items);
    rows.items.insert(rows.items.end(), negatives.begin(), negatives.end());
    return rows;
}

Var Bpr::loss(Tape& tape, const Events& events, std::span<const Window> windows, Rng& rng) const {
    const BprRows read = bpr_rows(tape, events, windows, catalog(), config_, rng);
    const Var items = vectors_of(tape, read.items), users = out_(range_mean(items, read.histories));
    const Var cost = pairwise_loss(users, items, biases_of(tape, read.items), read.pairs);
    if (config_.l2 == 0) return cost;
    const auto squares = [&](Var x, Index RankedPair::*row) {
        std::vector<Index> rows;
        rows.reserve(read.pairs.size());
        for (const RankedPair& pair : read.pairs) rows.push_back(pair.*row);
        const Var taken = take_rows(x, rows);
        return sum(taken * taken);
    };
    return cost + (squares(users, &RankedPair::query) + squares(items, &RankedPair::better) +
                   squares(items, &RankedPair::worse)) *
                      static_cast<Real>(config_.l2 / 2);
}

// --- bi-lstm

BiLstm::BiLstm(const BiLstmConfig& config, Catalog known, Start start)
    : Baseline(validated(config), std::move(known), start),
      config_(config),
      cells_(parameters_, "cells", {.in = row_width(), .width = row_width(), .bidirectional = true}, config.seed),
      out_(parameters_, "user", 2 * row_width(), row_width(), config.seed, {.init = Init::xavier}) {}

std::string BiLstm::summary() const {
    return "A bidirectional LSTM over vectors of width " + std::to_string(config_.width);
}

Var BiLstm::encode(const Items& items) const {
    const Recurrent::Run run = cells_(items.vectors, items.offsets);
    return out_(concat_cols(run.last.h));  // forwards and backwards
}

// --- bi-lstm-attention

BiLstmAttention::BiLstmAttention(const BiLstmAttentionConfig& config, Catalog known, Start start)
    : Baseline(validated(config), std::move(known), start),
      config_(config),
      cells_(parameters_, "cells", {.in = row_width(), .width = row_width(), .bidirectional = true}, config.seed),
      out_(parameters_, "user", 2 * row_width(), row_width(), config.seed, {.init = Init::xavier}) {}

std::string BiLstmAttention::summary() const {
    return "A bidirectional LSTM over vectors of width " + std::to_string(config_.width) + ", read by the candidate";
}

Var BiLstmAttention::encode(const Items& items) const { return cells_(items.vectors, items.offsets).out; }

Var BiLstmAttention::users(Var encoded, const Items&, Var candidates, const Segments& segments) const {
    const Var query = concat_cols({candidates, candidates});
    return out_(attend(query, encoded, encoded, segments, how(encoded)).read);
}

AttendOptions BiLstmAttention::how(Var states) { return {.scale = inverse_sqrt(states.cols())}; }

Explanation BiLstmAttention::explain(const History& history, Token item) const {
    Tape tape;
    tape.set_training(false);
    const Items items = items_of(tape, {&history, 1});
    const Var states = encode(items), candidate = vectors_of(tape, {&item, 1});
    const OwnedSegments segments = Segments::all(1, states.rows());
    const Var weights = attend_weights(concat_cols({candidate, candidate}), states, segments, how(states));
    Explanation explanation{{"attention"}, Matrix(1, history.size())};
    for (std::size_t i = 0; i < items.event.size(); ++i)
        explanation.weights(0, items.event[i] - history.first) = weights.value().data[i];
    return explanation;
}

// --- cnn-pool

static constexpr Index longest_filter = 10, filters_of_a_length = 32;

CnnPool::CnnPool(const CnnPoolConfig& config, Catalog known, Start start)
    : Baseline(validated(config), std::move(known), start),
      config_(config),
      token_(parameters_, "token", row_width() + age_buckets, row_width(), config.seed, {.init = Init::xavier}),
      out_(parameters_, "user", longest_filter * filters_of_a_length, row_width(), config.seed,
           {.init = Init::xavier}) {
    filters_.reserve(longest_filter);
    for (Index length = 1; length <= longest_filter; ++length)
        filters_.emplace_back(parameters_, "filter-" + std::to_string(length), length * row_width(),
                              filters_of_a_length, config.seed, LinearOptions{.init = Init::xavier});
}

std::string CnnPool::summary() const {
    return "Filters over up to " + std::to_string(longest_filter) + " events of width " + std::to_string(config_.width);
}

Var CnnPool::encode(const Items& items) const {
    Tape& tape = *items.vectors.tape;
    const Var x = token_(concat_cols({items.vectors, tape.constant(one_hot_ages(items.ages))}));
    const Index beyond = x.rows();  // a row of zeros follows the end of a history
    const Var padded = concat_rows({x, tape.constant(Matrix(1, x.cols()))});
    std::vector<Var> window{x}, pooled;
    std::vector<Index> rows(static_cast<std::size_t>(beyond));
    for (const Linear& filter : filters_) {
        pooled.push_back(segment_max(relu(filter(concat_cols(window))), items.offsets));
        const auto next = std::ssize(window);
        for (std::size_t i = 0; i + 1 < items.offsets.size(); ++i)
            for (Index row = items.offsets[i]; row < items.offsets[i + 1]; ++row)
                rows[row] = row + next < items.offsets[i + 1] ? row + next : beyond;
        window.push_back(take_rows(padded, rows));
    }
    return out_(concat_cols(pooled));
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
    static const auto type = RecommendationModelType::of<Bpr, BprConfig>(
        "factors of items, ranked in pairs (Rendle et al. 2009)", [](TrainerOptions& t) {
            train_in_minutes(t);
            t.batch = 16;  // windows, each with the targets of up to 50 events
        });
    return type;
}
const RecommendationModelType& bi_lstm() {
    static const auto type = RecommendationModelType::of<BiLstm, BiLstmConfig>(
        "an LSTM in both directions, a rival of ATRank", train_in_minutes);
    return type;
}

const RecommendationModelType& bi_lstm_attention() {
    static const auto type = RecommendationModelType::of<BiLstmAttention, BiLstmAttentionConfig>(
        "bi-lstm, whose states the candidate reads: a rival of ATRank", train_in_minutes);
    return type;
}
const RecommendationModelType& cnn_pool() {
    static const auto type = RecommendationModelType::of<CnnPool, CnnPoolConfig>(
        "convolutions and a max over time, a rival of ATRank", train_in_minutes);
    return type;
}

}  // namespace kvmem
