#include "kvmem/tasks/qa/models/query_reduction.hpp"

#include "kvmem/core/error.hpp"
#include "tasks/qa/model_type.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

// s and s' of the header times the root of d, and the weight of the chain in the scores.
static constexpr double sharpness = 3, chain_sharpness = 2;
static constexpr Real chain_share = Real(0.3);

QueryReduction::Layer::Layer(Parameters& p, const std::string& name, const QueryReductionConfig& c)
    : gate(p, name + ".gate", c.width, c.width, c.seed, {.init = Init::xavier}),
      reset(p, name + ".reset", c.width, c.width, c.seed, {.init = Init::xavier}),
      slot(p, name + ".slot", c.width, c.width, c.seed, {.init = Init::xavier, .bias = false}),
      query(p, name + ".query", c.width, c.width, c.seed, {.init = Init::xavier}),
      key(p, name + ".key", c.width, c.width, c.seed, {.init = Init::xavier, .bias = false}),
      value(p, name + ".value", c.width, c.width, c.seed, {.init = Init::xavier, .bias = false}) {}

QueryReduction::QueryReduction(const QueryReductionConfig& config, ModelWords words, std::vector<Token> candidates,
                               const LoadParameter& load)
    : Model(std::move(words), std::move(candidates)),
      config_(validated(config)),
      words_(&parameters_->add("words", Matrix(0, config.width))),
      answers_(&parameters_->add("answers", Matrix(0, config.width))),
      places_(random_factors(config.max_words, config.width, config.position_std, config.seed)) {
    for (Index hop = 1; hop <= (config.share_hops ? 1 : config.hops); ++hop)
        hops_.emplace_back(*parameters_, "hop" + std::to_string(hop), config);
    for (Index turn = 1; config.chain_hops > 0 && turn <= config.chain_hops + 1; ++turn)
        chain_maps_.emplace_back(*parameters_, "turn" + std::to_string(turn), config.width, config.width, config.seed,
                                 LinearOptions{.init = Init::xavier, .bias = false});
    if (load)
        load_parameters(load);
    else
        identity_init();
    grow();
}

void QueryReduction::identity_init() {
    for (std::size_t hop = 1; hop <= hops_.size(); ++hop) {
        const std::string name = "hop" + std::to_string(hop);
        const auto halved = [&](const std::string& map) -> Matrix& {
            Matrix& weight = parameters_->find(name + map + ".weight")->value;
            for (Real& x : weight.view().span()) x /= 2;
            return weight;
        };
        halved(".gate");
        for (const char* map : {".slot", ".query", ".key", ".value"}) {
            Matrix& weight = halved(map);
            for (Index i = 0; i < config_.width; ++i) weight(i, i) += static_cast<Real>(0.7);
        }
    }
}

void QueryReduction::grow() {
    grow_table(*words_, 0, 0.3, config_.seed, config_.words);
    grow_table(*answers_, 1, 1 / std::sqrt(static_cast<double>(config_.width)), config_.seed, config_.words);
}

std::string QueryReduction::summary() const {
    return "A query-reduction network (Seo et al. 2017) of width " + std::to_string(config_.width) + " with " +
           std::to_string(config_.hops) + " hop(s)";
}

// The words of each key, followed by the value's if it differs, up to max_words.
RaggedView<Token> QueryReduction::sentences(Arena& arena, const Ragged<Token>& keys,
                                            const Ragged<Token>& values) const {
    const bool both = !(keys == values);
    const auto words = arena.take<Token>(std::ssize(keys.values) + (both ? std::ssize(values.values) : 0));
    const auto ends = arena.take<Index>(keys.size() + 1);
    std::size_t end = 0, limit = 0;
    const auto append = [&](std::span<const Token> tokens) {
        for (const Token token : tokens.first(std::min(tokens.size(), limit - end)))
            words[end++] = lexicon_.input(token);
    };
    ends[0] = 0;
    for (Index i = 0; i < keys.size(); ++i) {
        limit = end + static_cast<std::size_t>(config_.max_words);
        append(keys[i]);
        if (both && !std::ranges::equal(keys[i], values[i])) append(values[i]);
        ends[i + 1] = static_cast<Index>(end);
    }
    return {words.first(end), ends};
}

Var QueryReduction::encode(Tape& tape, RaggedView<Token> bags, WordOrder order) const {
    PositionFactors positions;
    if (order == WordOrder::kept) {
        const auto first = tape.arena().take<Index>(bags.size());
        std::ranges::fill(first, Index{0});
        positions = {places_, first};
    }
    return dropout(embed_sentences(tape, *words_, bags, positions), config_.dropout);
}

AttendOptions QueryReduction::lookup(double factor) const {
    AttendOptions how;
    how.scale = static_cast<Real>(factor / std::sqrt(static_cast<double>(config_.width)));
    return how;
}

// Runs the memory network beside the gates.
void QueryReduction::read_chain(const Segments& segments, Var slots, Forward& forward) const {
    const AttendOptions how = lookup(chain_sharpness);
    AttendOptions mean = how;
    mean.scale = 0;  // equal scores give equal weights
    Var key = chain_maps_.front()(slots);
    forward.chain = chain_maps_.front()(forward.chain);
    for (std::size_t hop = 1; hop < chain_maps_.size(); ++hop) {
        const Var value = chain_maps_[hop](slots);
        forward.links.push_back({forward.chain, key});
        const Var read = attend(forward.chain, key, value, segments, how).read;
        forward.chain = forward.chain + (read - attend(forward.chain, key, value, segments, mean).read);
        key = value;
    }
}

namespace {

struct SlotPlaces {
    std::span<Index> question_of;  // the question of each slot
    std::span<Index> last;         // the last slot of each question, or S, a row of zeros, without slots
};

SlotPlaces places_of(const Batch& batch, Arena& arena) {
    const SlotPlaces places{arena.take<Index>(batch.slots.size()), arena.take<Index>(batch.size())};
    for (Index i = 0; i < batch.size(); ++i) {
        const auto [first, end] = batch.slots_of(i);
        std::fill(places.question_of.begin() + first, places.question_of.begin() + end, i);
        places.last[i] = end > first ? end - 1 : batch.slots.size();
    }
    return places;
}

}  // namespace

QueryReduction::Forward QueryReduction::run(Tape& tape, const Batch& batch) const {
    const auto [question_of, last] = places_of(batch, tape.arena());
    const Segments segments = one_query_each(batch, tape);
    const AttendOptions how = lookup(sharpness);
    const View zeros = tape.arena().matrix(1, config_.width);
    std::ranges::fill(zeros.span(), Real{0});

    const RaggedView<Token> told = sentences(tape.arena(), batch.slots.key, batch.slots.value),
                            asked = sentences(tape.arena(), batch.question, batch.question);
    const Var slots = encode(tape, told, WordOrder::kept);
    Forward forward{.state = encode(tape, asked, WordOrder::kept)};
    if (config_.chain_hops > 0) {
        forward.chain = encode(tape, asked, WordOrder::ignored);
        read_chain(segments, encode(tape, told, WordOrder::ignored), forward);
    }
    Var queries = take_rows(forward.state, question_of), mapped{};
    for (Index i = 0; i < config_.hops; ++i) {
        const Layer& hop = hops_[config_.share_hops ? 0 : static_cast<std::size_t>(i)];
        if (i == 0 || !config_.share_hops) mapped = hop.slot(slots);
        const Var pairs = multiply(slots, queries);
        const Var z = activate(hop.gate(pairs), Activation::sigmoid);
        const Var c = multiply(activate(hop.reset(pairs), Activation::sigmoid),
                               activate(add(mapped, hop.query(queries)), Activation::tanh));
        const Var states = gated_scan(z, c, batch.slot_offsets), keys = hop.key(states);
        forward.hops.push_back({z, {forward.state, keys}});
        const Var read = attend(forward.state, keys, hop.value(states), segments, how).read;
        const Var rows[] = {states, tape.constant(zeros)};
        forward.state = add(add(forward.state, read), take_rows(concat_rows(rows), last));
        if (i + 1 == config_.hops) break;
        const Var both = add(states, gated_scan(z, c, batch.slot_offsets, Direction::backwards));
        queries = dropout(add(both, take_rows(forward.state, question_of)), config_.dropout);
    }
    forward.state = dropout(forward.state, config_.dropout);
    return forward;
}

QueryReduction::Scores QueryReduction::scores_of(Tape& tape, const Forward& forward) const {
    const Var gates = dot_scores(forward.state, candidate_vectors(tape, *answers_));
    if (config_.chain_hops == 0) return {gates, gates};
    const Var answers = chain_maps_.back()(candidate_vectors(tape, *words_));
    return {gates, add(gates, scale(dot_scores(forward.chain, answers), chain_share))};
}

Var QueryReduction::loss(Tape& tape, const Batch& batch, Rng& rng) const {
    const Targets targets = choose_targets(batch, rng);
    const auto [gates, all] = scores_of(tape, run(tape, batch));
    const Var loss = cross_entropy(all, targets.candidate, targets.others);
    if (config_.chain_hops == 0) return loss;
    return scale(add(loss, cross_entropy(gates, targets.candidate, targets.others)), Real(0.5));
}

// The share of each c_i in the sum of all h_j with these weights [n], on average over the d numbers: z_i times the
// weights behind it that no later gate has replaced. `left` [d] is scratch.
static void gate_shares(ConstView gates, std::span<const Real> weights, std::span<double> left,
                        std::span<Real> shares) {
    std::ranges::fill(left, 0.0);
    double all = 0;
    for (std::size_t i = weights.size(); i-- > 0;) {
        double sum = 0;
        for (std::size_t k = 0; k < left.size(); ++k) {
            const double z = double{gates(static_cast<Index>(i), static_cast<Index>(k))};
            left[k] += double{weights[i]};
            sum += z * left[k];
            left[k] *= 1 - z;
        }
        shares[i] = static_cast<Real>(sum);
        all += sum;
    }
    if (all > 0)
        for (Real& share : shares) share = static_cast<Real>(double{share} / all);
}

void QueryReduction::score(Tape& tape, const Batch& batch, View scores, AttentionTrace* trace) const {
    const Forward forward = run(tape, batch);
    const Var all = scores_of(tape, forward).all;
    require_shape(scores.rows == all.rows() && scores.cols == all.cols(), "Model::score", "scores [B, C]");
    std::ranges::copy(all.value().span(), scores.span().begin());
    if (!trace) return;
    trace->resize(std::max(config_.hops, config_.chain_hops), config_.chain_hops > 0 ? 2 : 1, batch.slots.size());
    const Segments segments = one_query_each(batch, tape);
    const auto weights = tape.arena().take<Real>(batch.slots.size());
    std::vector<double> left(config_.width);
    for (Index k = 0; k < config_.hops; ++k) {
        const auto& [gate, attention] = forward.hops[k];
        attention.write_weights(segments, lookup(sharpness), weights);
        for (Index i = 0; i < batch.size(); ++i) {
            const auto [first, end] = batch.slots_of(i);
            if (first == end) continue;
            const Index count = end - first;
            const auto mine = weights.subspan(first, count);
            mine.back() += 1;  // the question adds h_n itself too
            gate_shares(gate.value().middle_rows(first, count), mine, left, trace->of(k).subspan(first, count));
        }
    }
    for (Index k = 0; k < config_.chain_hops; ++k)
        forward.links[k].write_weights(segments, lookup(chain_sharpness), trace->of(k, 1));
}

const QaModelType& query_reduction() {
    static const auto type = QaModelType::of<QueryReduction, QueryReductionConfig>(
        "reduces the query sentence by sentence, with gates (Seo et al. 2017)", [](TrainerOptions& t) {
            t.optimizer = {.beta2 = 0.98, .clip_norm = 1};
            t.schedule = {.rate = 3e-3, .warmup = 0.05, .decay = Decay::cosine};
            t.epochs = 25;
            t.patience = 0;
        });
    return type;
}

}  // namespace kvmem
