#include "kvmem/tasks/recommendation/models/sequence_memory.hpp"

#include "autograd/operation.hpp"
#include "kernels/vector.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/recommendation/models/floors.hpp"
#include "nn/row_ops.hpp"
#include "tasks/recommendation/item_vectors.hpp"
#include "tasks/recommendation/items_like.hpp"
#include "tasks/recommendation/model_type.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace kvmem {

// The mean over items like an unseen one of what value(item) says.
template <class Value>
static Real mean_of(std::span<const LikeItem> like, Value value) {
    Real sum = 0;
    for (const auto& [item, weight] : like) sum += weight * value(item);
    return sum;
}

// --- what is popular

PopularShares::PopularShares(const EventMemory& memory, std::vector<UnseenItem> unseen)
    : items_(memory.items()), last_(memory.last_time() + 1), unseen_(std::move(unseen)) {
    constexpr Index steps = 256;
    first_ = last_;
    for (Index e = 0; e < memory.size(); ++e) first_ = std::min(first_, memory.time(e));
    step_ = std::max<Index>(1, (last_ - first_) / steps);
    for (const double half_life : half_lives) counts_.emplace_back(memory, half_life);
    const auto count = static_cast<std::size_t>(step_of(last_) + 1);
    logs_.resize(count);
    filled_ = std::make_unique<std::once_flag[]>(count);
}

Matrix PopularShares::logs_at(Index when) const {
    constexpr double unseen = 0.1;  // counts of an item that does not occur
    Matrix logs(std::ssize(counts_), items_);
    for (Index p = 0; p < logs.rows(); ++p) {
        const std::span row(logs.row(p), static_cast<std::size_t>(items_));
        double sum = unseen * static_cast<double>(items_);
        for (Index i = 0; i < items_; ++i) {
            const double at = counts_[p].at(static_cast<Token>(i), when);
            row[i] = static_cast<Real>(at);
            sum += at;
        }
        for (Real& x : row) x = static_cast<Real>(std::log((double{x} + unseen) / sum * static_cast<double>(items_)));
        for (const auto& [item, like] : unseen_)
            if (!like.empty()) row[item] = mean_of(like, [&](Token other) { return row[other]; });
    }
    return logs;
}

std::span<const Real> PopularShares::at(Index when) const {
    const Index step = step_of(when);
    std::call_once(filled_[step], [&] { logs_[step] = logs_at(std::min(first_ + step * step_, last_)); });
    return logs_[step].view().span();
}

Index PopularShares::step_of(Index when) const { return (std::clamp(when, first_, last_) - first_) / step_; }

// --- items that the memory names

namespace {

// What a history says of one of its items.
struct OwnItem {
    Token item;
    Index count = 0, last_time = 0, last_basket = 0;
    double decayed = 0;  // with a half-life of 30 days
};

struct OwnItemsOf {
    std::vector<OwnItem> items;
    Index baskets = 0;  // of the history; each event that is in none counts as one
};

}  // namespace

static constexpr Real gate_scale = static_cast<Real>(0.1);
static constexpr Index own_features = 7, features = own_features + 2 + 3;

static OwnItemsOf own_items_of(const History& history, Index group, std::size_t items) {
    const Events& events = *history.events;
    OwnItemsOf all;
    std::vector<Index> place(items, -1);
    for (Index e = history.first; e < history.end; ++e) {
        if (events.group[e] != group) continue;
        all.baskets += basket_begin(events, e) == e;
        Index& at = place[events.object[e]];
        if (at < 0) {
            at = std::ssize(all.items);
            all.items.push_back({events.object[e]});
        }
        OwnItem& own = all.items[at];
        ++own.count;
        own.last_time = events.time[e];
        own.last_basket = all.baskets;
        own.decayed += std::exp2(-static_cast<double>(history.now - events.time[e]) / (30 * seconds_per_day));
    }
    return all;
}

static void write_own(const OwnItem& own, const OwnItemsOf& all, Index now, Real* x) {
    const double count = static_cast<double>(own.count), since = static_cast<double>(all.baskets - own.last_basket);
    const double days = static_cast<double>(now - own.last_time) / seconds_per_day;
    const double values[own_features] = {1,
                                         std::log1p(count),
                                         count / static_cast<double>(std::max<Index>(all.baskets, 1)),
                                         std::log1p(days) / 5,
                                         since == 0 ? 1.0 : 0.0,
                                         std::log1p(since) / 3,
                                         std::log1p(own.decayed)};
    std::ranges::transform(values, x, [](double value) { return static_cast<Real>(value); });
}

void SequenceMemory::name_items(const History& history, Index row, Index when, bool unseen, std::span<Real> scratch,
                                Named& named) const {
    const Index items = catalog().items(), group = catalog().group;
    const OwnItemsOf own = own_items_of(history, group, static_cast<std::size_t>(items));
    std::ranges::fill(scratch, Real{0});
    if (config_.neighbours) {
        const NeighbourOptions options{.last = 0, .occurrences = config_.occurrences};
        double weight = 1;
        Index read = 0;
        for (Index e = history.end; e-- > history.first && read < config_.read_history;) {
            if (history.events->group[e] != group) continue;
            const Token item = history.events->object[e];
            const Index all = memory_->count_before(item, when);
            const auto count = static_cast<double>(config_.occurrences > 0 ? std::min(all, config_.occurrences) : all);
            add_neighbours(*memory_, item, when, static_cast<Real>(weight / std::sqrt(1 + count)), options, scratch);
            weight *= config_.read_decay;
            ++read;
        }
    }
    const auto count_of = [&](Token item) { return static_cast<Real>(memory_->count_before(item, when)); };
    const std::span<const UnseenItem> not_there = unseen ? shares_->unseen() : std::span<const UnseenItem>{};  // rising
    for (const auto& [item, like] : not_there)
        scratch[item] = mean_of(like, [&](Token other) { return scratch[other]; });
    const std::size_t first = named.place.size();
    std::vector<Index> place(items, -1);  // of an item among the named ones
    const auto add = [&](Token item) {
        place[item] = std::ssize(named.place);
        named.place.push_back(row * items + item);
        named.row.push_back(row);
        named.x.resize(named.x.size() + features);
        return named.x.data() + place[item] * features;
    };
    if (config_.own)
        for (const OwnItem& one : own.items) write_own(one, own, history.now, add(one.item));
    std::vector<std::pair<Real, Token>> best;
    for (Index i = 0; i < items; ++i)
        if (scratch[i] > 0 && place[i] < 0) best.emplace_back(-scratch[i], static_cast<Token>(i));
    if (std::ssize(best) > config_.named) {
        std::nth_element(best.begin(), best.begin() + config_.named, best.end());
        best.resize(config_.named);
    }
    for (const auto& [score, item] : best) add(item);
    const std::span<const Real> shares = shares_->at(when);
    for (std::size_t i = first; i < named.place.size(); ++i) {
        const Index item = named.place[i] - row * items;
        Real* x = named.x.data() + static_cast<Index>(i) * features + own_features;
        const auto at = std::ranges::lower_bound(not_there, item, {}, &UnseenItem::item);
        const bool is_there = at == not_there.end() || at->item != item;
        const Real n = is_there ? count_of(static_cast<Token>(item)) : mean_of(at->like, count_of);
        x[0] = std::log1p(10 * scratch[item]);
        x[1] = std::log1p(10 * scratch[item] / static_cast<Real>(std::pow(1 + double{n}, 0.5)));
        for (Index p = 0; p < 3; ++p) x[2 + p] = shares[p * items + item] / 4;
    }
}

// --- what the memory adds to scores

namespace {
// Reads of the memory for the rows of scores [rows, items].
struct MemoryReads {
    std::optional<Var> gates{};             // [rows, P] of popular shares
    std::span<const Real* const> shares{};  // of each row, [P, items]
    std::optional<Var> read{};              // [named, 1]
    std::span<const Index> places{};        // of the scores that `read` adds to
    std::span<const Token> hidden{};        // items that get no score

    static constexpr Real of_hidden = -1e4;
};

// out[b, i] = scores[b, i] + sum over p of gates[b, p] shares[b][p, i] + the reads of that place. It is one operation
// because each pass over all scores costs as much as their product.
struct AddReads {
    Var scores;
    MemoryReads reads;

    void backward(Tape&, Var out) const {
        const View grad = out.grad();
        const Index items = grad.cols;
        for (Index b = 0; b < grad.rows; ++b)
            for (const Token item : reads.hidden) grad(b, item) = 0;
        if (reads.gates) {
            const View gates = reads.gates->grad();
            for (Index b = 0; b < gates.rows; ++b)
                for (Index p = 0; p < gates.cols; ++p)
                    gates(b, p) += detail::dot(grad.row(b), reads.shares[b] + p * items, items);
        }
        if (reads.read) {
            const View read = reads.read->grad();
            for (std::size_t i = 0; i < reads.places.size(); ++i) read.data[i] += grad.data[reads.places[i]];
        }
        if (scores.needs_grad()) accumulate(scores.grad(), 1, grad);
    }
};
}  // namespace

static Var add_reads(Var scores, MemoryReads reads) {
    Tape& tape = *scores.tape;
    const ConstView from = scores.value();
    reads.shares = tape.arena().copy(reads.shares);
    reads.places = tape.arena().copy(reads.places);
    reads.hidden = tape.arena().copy(reads.hidden);
    const bool needs_grad = any_needs_grad({scores, reads.gates, reads.read});
    const Var out = tape.record(from.rows, from.cols, needs_grad, AddReads{scores, reads});
    const View to = out.mutable_value();
    for (Index b = 0; b < to.rows; ++b) {
        Real* row = to.row(b);
        std::copy_n(from.row(b), to.cols, row);
        if (reads.gates)
            for (Index p = 0; p < reads.gates->cols(); ++p)
                detail::axpy(reads.gates->value()(b, p), reads.shares[b] + p * to.cols, row, to.cols);
    }
    if (reads.read)
        for (std::size_t i = 0; i < reads.places.size(); ++i) to.data[reads.places[i]] += reads.read->value().data[i];
    for (Index b = 0; b < to.rows; ++b)
        for (const Token item : reads.hidden) to(b, item) = MemoryReads::of_hidden;
    return out;
}

// --- model

void SequenceMemoryConfig::check() const {
    if (width % heads != 0)
        throw UsageError({.what = "the heads do not divide the width",
                          .expected = "a width that is a multiple of " + std::to_string(heads),
                          .got = std::to_string(width)});
}

static SasRecConfig encoder_config(const SequenceMemoryConfig& c) {
    SasRecConfig e;
    e.width = c.width, e.heads = c.heads, e.layers = c.layers, e.max_history = c.max_history;
    e.drop_items = c.drop_items;
    e.dropout = c.dropout, e.features = c.features, e.seed = c.seed;
    e.loss = SequenceLoss::softmax;
    return e;
}

SequenceMemory::SequenceMemory(const SequenceMemoryConfig& config, Catalog known, Start start)
    : RecommendationModel(std::move(known), start),
      config_(validated(config)),
      encoder_(parameters_, catalog(), encoder_config(config_)),
      popular_(&parameters_.add("popular", Matrix(1, std::ssize(PopularShares::half_lives)))),
      popular_gate_(parameters_, "popular-gate", config.width, std::ssize(PopularShares::half_lives), config.seed,
                    {.bias = false}),
      inner_(parameters_, "read.inner", features, config.inner, config.seed, {.init = Init::xavier}),
      inner_gate_(parameters_, "read.gate", config.width, config.inner, config.seed, {.bias = false}),
      out_(parameters_, "read.out", config.inner, 1, config.seed, {.init = Init::xavier, .bias = false}) {
    if (parameters_.start() == Start::drawn) popular_->value.fill(static_cast<Real>(0.3));
}

std::string SequenceMemory::summary() const {
    return "A sequence model of width " + std::to_string(config_.width) + " that reads a memory of events";
}

void SequenceMemory::remember(const EventMemory& memory) {
    memory_ = &memory;
    shares_.emplace(memory, unseen_items());
}

std::vector<UnseenItem> SequenceMemory::unseen_items() const {
    if (!scores_new_items()) return {};
    std::vector<std::uint8_t> seen(catalog().items());
    std::vector<Token> items;
    for (Token item = 0; item < catalog().items(); ++item) {
        seen[item] = !memory_->occurrences(item).empty();
        if (!seen[item]) items.push_back(item);
    }
    std::vector<std::vector<LikeItem>> likes = items_like(catalog().objects(), items, seen);
    std::vector<UnseenItem> unseen;
    for (std::size_t i = 0; i < items.size(); ++i) unseen.push_back({items[i], std::move(likes[i])});
    return unseen;
}

bool SequenceMemory::scores_new_items() const {
    return config_.drop_items > 0 && config_.features && !catalog().objects().columns.empty();
}

Index SequenceMemory::when_of(const History& history) const { return std::min(history.now, memory_->last_time() + 1); }

// Training hides the items that it never has. As rivals of all targets they would teach the model that new items are
// bad.
Var SequenceMemory::scores(Var states, std::span<const History> histories, std::span<const Index> when) const {
    if (!memory_)
        throw Error({.what = "the model has no memory", .expected = "remember() before scores", .where = config_.kind});
    Tape& tape = *states.tape;
    const Index items = catalog().items(), count = std::ssize(histories);
    MemoryReads reads;
    std::vector<const Real*> shares;
    if (config_.popular) {
        for (const Index at : when) shares.push_back(shares_->at(at).data());
        const Var base = linear(ones(tape, count, 1), reshape(tape.parameter(*popular_), popular_->value.cols(), 1));
        reads.gates = base + popular_gate_(states) * gate_scale;
        reads.shares = shares;
    }
    Named named;
    std::vector<Real> scratch(items);
    for (Index row = 0; row < count; ++row)
        name_items(histories[row], row, when[row], !tape.training(), scratch, named);
    if (!named.place.empty()) {
        Matrix x(std::ssize(named.place), features);
        std::ranges::copy(named.x, x.data());
        const Var inner = relu(inner_(tape.constant(std::move(x))));
        reads.read = out_(inner + inner * take_rows(inner_gate_(states) * gate_scale, named.row));
        reads.places = named.place;
    }
    std::vector<Token> untrained;
    if (tape.training())
        for (const UnseenItem& unseen : shares_->unseen()) untrained.push_back(unseen.item);
    reads.hidden = untrained;
    return add_reads(config_.encoder ? encoder_.scores(states) : tape.constant(Matrix(count, items)), reads);
}

void SequenceMemory::score(std::span<const History> histories, View scores) const {
    Tape tape;
    tape.set_training(false);
    SequenceEncoder::Rows rows;
    std::vector<Index> when;
    for (const History& history : histories) {
        rows.add(history, config_.max_history);
        when.push_back(when_of(history));
    }
    const Var all = this->scores(encoder_.last_states(tape, rows), histories, when);
    std::ranges::copy(all.value().span(), scores.span().begin());
}

// The window of a target is a part of its history, and the memory of own items is of all of it.
Var SequenceMemory::loss(Tape& tape, const Events& events, std::span<const Window> windows, Rng& rng) const {
    const CausalTargets all = causal_targets(events, windows, catalog().group);
    if (all.read.empty()) return tape.constant(Matrix(1, 1));
    std::vector<Index> when, read;
    std::vector<History> histories;
    Ragged<Index> targets;
    for (std::size_t i = 0; i < all.read.size(); ++i) {
        if (config_.share < 1 && rng.uniform() >= config_.share) continue;
        const History& history = all.histories[i];
        histories.push_back(history);
        histories.back().first = events.of_user(events.user_of(history.first)).first;
        when.push_back(history.now - static_cast<Index>(rng.uniform() * config_.lag * seconds_per_day));
        read.push_back(all.read[i]);
        targets.push_row(all.targets[static_cast<Index>(i)]);
    }
    if (read.empty()) return tape.constant(Matrix(1, 1));
    const Var states = take_rows(encoder_.states(tape, all.rows), read);
    return set_cross_entropy(scores(states, histories, when), targets, max_basket_weight) *
           static_cast<Real>(1 / config_.share);
}

Explanation SequenceMemory::explain(const History& history, Token item) const {
    SequenceEncoder::Rows rows;
    rows.add(history, config_.max_history);
    const Matrix weights = encoder_.attention(rows);
    Explanation explanation{{}, Matrix(config_.heads + 2, history.size())};
    for (Index head = 0; head < config_.heads; ++head) {
        explanation.names.push_back("head " + std::to_string(head + 1));
        for (std::size_t row = 0; row < rows.event.size(); ++row)
            explanation.weights(head, rows.event[row] - history.first) = weights(head, static_cast<Index>(row));
    }
    explanation.names.insert(explanation.names.end(), {"own item", "co-occurrence"});
    std::vector<Real> sums(catalog().items());
    const NeighbourOptions options{.last = 0, .occurrences = config_.occurrences};
    Index read = 0;
    for (Index e = history.end; e-- > history.first;) {
        if (history.events->group[e] != catalog().group) continue;
        explanation.weights(config_.heads, e - history.first) = history.events->object[e] == item ? 1 : 0;
        if (!config_.neighbours || read++ >= config_.read_history) continue;
        std::ranges::fill(sums, Real{0});
        add_neighbours(*memory_, history.events->object[e], when_of(history), 1, options, sums);
        explanation.weights(config_.heads + 1, e - history.first) = sums[item];
    }
    return explanation;
}

const RecommendationModelType& sequence_memory() {
    static const auto type = RecommendationModelType::of<SequenceMemory, SequenceMemoryConfig>(
        "self-attention, and a memory of what all users took, with learned gates", [](TrainerOptions& t) {
            t.epochs = 30;
            t.batch = 32;
            t.shards = 4;
            t.patience = 5;
            t.optimizer.clip_norm = 5;
            t.schedule = {.rate = 1e-3, .warmup = 0.02};
        });
    return type;
}

}  // namespace kvmem
