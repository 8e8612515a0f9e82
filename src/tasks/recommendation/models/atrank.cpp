#include "kvmem/tasks/recommendation/models/atrank.hpp"

#include "kvmem/core/error.hpp"
#include "tasks/recommendation/ages.hpp"
#include "tasks/recommendation/item_vectors.hpp"
#include "tasks/recommendation/model_type.hpp"
#include "tasks/recommendation/negatives.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace kvmem {

// --- blocks

AtRank::Block::Block(Parameters& parameters, const std::string& name, Index w, const AtRankConfig& c)
    : heads(c.heads),
      width(w),
      query(parameters, name + ".query", w, w, c.seed, {.init = Init::xavier}),
      key(parameters, name + ".key", w, w, c.seed, {.init = Init::xavier}),
      value(parameters, name + ".value", w, w, c.seed, {.init = Init::xavier}),
      attention_norm(parameters, name + ".attention-norm", w),
      inner_norm(parameters, name + ".inner-norm", w),
      inner(parameters, name + ".inner", w, c.inner, Activation::relu, c.seed) {}

AttendOptions AtRank::Block::how() const { return {.heads = heads, .scale = inverse_sqrt(width / heads)}; }

Var AtRank::Block::project(Var q) const { return relu(query(q)); }

AtRank::Block::Read AtRank::Block::operator()(Var q, Var projected, Var memory, const Segments& segments,
                                              double dropout) const {
    AttendOptions options = how();
    if (q.tape->training()) options.dropout = dropout;
    const Var keys = relu(key(memory));
    const Var y = attention_norm(q + attend(projected, keys, relu(value(memory)), segments, options).read);
    return {inner_norm(y + inner(y)), keys};
}

// --- network

AtRank::~AtRank() = default;

AtRank::AtRank(const AtRankConfig& config, Catalog known, Start start)
    : RecommendationModel(std::move(known), start), config_(validated(config)) {
    const AtRankConfig& c = config_;
    const bool several = c.groups && catalog().groups.size() > 1;
    vectors_ = std::make_unique<ItemVectors>(parameters_, catalog(), c.width, true, several, c.seed);
    const Index width = vectors_->row_width();
    if (width % c.heads != 0)
        throw UsageError({.what = "the heads do not divide the width of a token",
                          .expected = "a divisor of " + std::to_string(width),
                          .got = std::to_string(c.heads)});
    if (c.actions && catalog().actions.size() > 1)
        action_ = &parameters_.add_normal("action", std::ssize(catalog().actions), width,
                                          std::sqrt(2 / static_cast<double>(width + age_buckets)), c.seed);
    std::vector<Index> groups{catalog().group};
    if (several) {
        groups.resize(catalog().groups.size());
        std::iota(groups.begin(), groups.end(), Index{0});
    }
    const auto named = [&](const std::string& name, Index group) {
        return group == catalog().group ? name : name + "." + catalog().groups[group].name;
    };
    for (const Index group : groups)
        maps_.emplace_back(parameters_, named("token", group), vectors_->row_width(group) + age_buckets, width, c.seed,
                           LinearOptions{.init = Init::xavier});
    for (Index i = 0; i < c.blocks; ++i) self_.emplace_back(parameters_, "self-" + std::to_string(i + 1), width, c);
    vanilla_.emplace(parameters_, "vanilla", width, c);
    for (const Index group : groups)
        biases_.push_back(&parameters_.add(named("bias", group), Matrix(catalog().groups[group].size(), 1)));
}

std::string AtRank::summary() const {
    return "ATRank of width " + std::to_string(vectors_->row_width()) + " with " + std::to_string(config_.heads) +
           " heads";
}

// Calls map(number, objects, places) for the objects of each group, and puts the rows that it returns into their
// places. Without several groups, it is called for all, and `places` is empty.
template <class Map>
static Var by_group(Index maps, const std::vector<Index>& groups, std::span<const Token> objects, Map map) {
    if (maps == 1 || objects.empty()) return map(0, objects, std::span<const Index>{});
    std::vector<Var> parts;
    std::vector<Index> row(objects.size());  // of the parts below each other
    Index rows = 0;
    for (Index g = 0; g < maps; ++g) {
        std::vector<Token> of_group;
        std::vector<Index> places;
        for (std::size_t i = 0; i < objects.size(); ++i)
            if (groups[i] == g) {
                of_group.push_back(objects[i]);
                places.push_back(static_cast<Index>(i));
                row[i] = rows++;
            }
        if (!of_group.empty()) parts.push_back(map(g, of_group, std::span<const Index>(places)));
    }
    return parts.size() == 1 ? parts.front() : take_rows(concat_rows(parts), row);
}

Var AtRank::tokens(Tape& tape, const Objects& all, Matrix ages) const {
    const Var times = tape.constant(std::move(ages));
    return by_group(std::ssize(maps_), all.groups, all.objects,
                    [&](Index g, std::span<const Token> objects, std::span<const Index> places) {
                        const Var vectors = vectors_->rows(tape, maps_.size() == 1 ? catalog().group : g, objects);
                        return maps_[g](concat_cols({vectors, places.empty() ? times : take_rows(times, places)}));
                    });
}

AtRank::Encoded AtRank::encode(Tape& tape, std::span<const History> histories) const {
    Encoded all{{}, {0}, {}};
    Objects objects;
    std::vector<Token> actions;
    std::vector<Index> bucket;
    for (const History& whole : histories) {
        const History history = whole.last(config_.max_history);
        const Events& events = *history.events;
        for (Index e = history.first; e < history.end; ++e) {
            if (!reads(events.group[e])) continue;
            objects.add(events.group[e], events.object[e]);
            actions.push_back(events.action[e]);
            bucket.push_back(age_bucket(history.now, events.time[e]));
            all.event.push_back(e);
        }
        all.offsets.push_back(std::ssize(actions));
    }
    Var x = tokens(tape, objects, one_hot_ages(bucket));
    if (action_) x = x + embed_rows(tape, *action_, actions);
    const OwnedSegments segments = Segments::self(all.offsets);
    for (const Block& block : self_) x = block(x, block.project(x), x, segments, config_.dropout).out;
    all.memory = x;
    return all;
}

AtRank::Rows AtRank::rows_of(Tape& tape, const Objects& candidates) const {
    const Var item = maps_.size() == 1 ? vectors_->rows(tape, candidates.objects)
                                       : tokens(tape, candidates, Matrix(std::ssize(candidates.objects), age_buckets));
    const Var bias = by_group(std::ssize(maps_), candidates.groups, candidates.objects,
                              [&](Index g, std::span<const Token> objects, std::span<const Index>) {
                                  return embed_rows(tape, *biases_[g], objects);
                              });
    return {item, vanilla_->project(item), bias};
}

AtRank::Rows AtRank::rows_of(Tape& tape, std::span<const Token> items) const {
    return rows_of(tape, Objects{std::vector<Index>(items.size(), catalog().group), {items.begin(), items.end()}});
}

AtRank::Judged AtRank::judge(const Rows& rows, Var memory, const Segments& segments) const {
    const Block::Read read = (*vanilla_)(rows.item, rows.query, memory, segments, config_.dropout);
    return {read.out, row_dots(read.out, rows.item) + rows.bias, read.key};
}

// --- scores

void AtRank::score(const Candidates& candidates, std::span<Real> scores) const {
    Tape tape;
    tape.set_training(false);
    const Encoded encoded = encode(tape, candidates.histories);
    const Rows rows = rows_of(tape, candidates.items.values);
    const Judged judged = judge(rows, encoded.memory, {candidates.items.offsets, encoded.offsets});
    std::ranges::copy(judged.logit.value().span(), scores.begin());
}

// A block of items, whose rows stay in the caches, meets one history after the other.
void AtRank::score(std::span<const History> histories, View scores) const {
    constexpr Index block = 2048;
    Tape encoder, items, tape;
    for (Tape* one : {&encoder, &items, &tape}) one->set_training(false);
    const Encoded encoded = encode(encoder, histories);
    for (Index first = 0; first < scores.cols; first += block) {
        items.reset();
        std::vector<Token> tokens(std::min(block, scores.cols - first));
        std::iota(tokens.begin(), tokens.end(), static_cast<Token>(first));
        const Rows all = rows_of(items, tokens);
        for (Index i = 0; i < scores.rows; ++i) {
            tape.reset();
            const Index begin = encoded.offsets[i], events = encoded.offsets[i + 1] - begin;
            const Rows rows{tape.constant(all.item.value()), tape.constant(all.query.value()),
                            tape.constant(all.bias.value())};
            const Var memory = tape.constant(encoded.memory.value().middle_rows(begin, events));
            const OwnedSegments segments = Segments::all(std::ssize(tokens), events);
            std::ranges::copy(judge(rows, memory, segments).logit.value().span(), scores.row(i) + first);
        }
    }
}

Explanation AtRank::explain(const History& history, Token item) const {
    Tape tape;
    tape.set_training(false);
    const Encoded encoded = encode(tape, {&history, 1});
    const Rows row = rows_of(tape, {&item, 1});
    const OwnedSegments segments = Segments::all(1, std::ssize(encoded.event));
    const Judged judged = judge(row, encoded.memory, segments);
    Explanation explanation{{}, Matrix(config_.heads, history.size())};
    for (Index head = 0; head < config_.heads; ++head) explanation.names.push_back("head " + std::to_string(head + 1));
    if (encoded.event.empty()) return explanation;
    const Var weights = attend_weights(row.query, judged.key, segments, vanilla_->how());  // [heads, events]
    for (Index i = 0; i < weights.rows(); ++i)
        explanation.weights(i / std::ssize(encoded.event),
                            encoded.event[i % std::ssize(encoded.event)] - history.first) = weights.value().data[i];
    return explanation;
}

// --- loss

Var AtRank::loss(Tape& tape, const Events& events, std::span<const Window> windows, Rng& rng) const {
    const TargetPairs pairs = target_pairs(events, windows, catalog(), config_.redraw, config_.seed, rng);
    Objects items;  // a target and its negative read the same encoded history
    std::vector<Index> offsets{0};
    for (std::size_t i = 0; i < pairs.targets.size(); ++i) {
        for (const Token item : {pairs.targets[i], pairs.negatives[i]}) items.add(pairs.groups[i], item);
        offsets.push_back(std::ssize(items.objects));
    }
    const Encoded encoded = encode(tape, pairs.histories);
    const Rows rows = rows_of(tape, items);
    const Judged judged = judge(rows, encoded.memory, {offsets, encoded.offsets});
    const Var zeros = tape.constant(Matrix(judged.logit.rows(), 1));
    std::vector<Index> wrong(items.objects.size());  // 0: the logit is that of a target; 1: it is not
    for (std::size_t i = 1; i < wrong.size(); i += 2) wrong[i] = 1;
    const Var cost = cross_entropy(concat_cols({judged.logit, zeros}), wrong) * Real{0.5};
    if (config_.l2 == 0) return cost;
    const Var squares = sum(judged.user * judged.user) + sum(rows.item * rows.item);
    return cost + squares * static_cast<Real>(config_.l2 / 2);
}

const RecommendationModelType& atrank() {
    static const auto type = [] {
        auto made = RecommendationModelType::of<AtRank, AtRankConfig>(
            "self-attention and attention by the candidate (Zhou et al. 2018)", [](TrainerOptions& t) {
                t.epochs = 10;
                t.batch = 256;
                t.shards = 8;
                t.patience = 3;
                t.optimizer.clip_norm = 5;
                t.schedule = {.rate = 1e-3};
            });
        AtRankConfig free;
        free.redraw = true;
        free.l2 = 0;
        free.dropout = 0.1;
        free.groups = true;
        made.recommended.model = free;
        RunConfig paper = made.recommended;  // the program of the authors: 32 rows, a target and its negative are two
        AtRankConfig config;
        config.max_history = 1000;
        config.actions = false;
        paper.model = config;
        paper.trainer.batch = 16;
        paper.trainer.shards = 2;
        paper.trainer.patience = 0;
        paper.trainer.optimizer.method = Method::sgd;
        paper.trainer.schedule = {.rate = 1};
        made.presets = {{"atrank-paper", paper}, {"atrank", made.recommended}};
        return made;
    }();
    return type;
}

}  // namespace kvmem
