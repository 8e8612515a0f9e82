#include "kvmem/tasks/qa/models/kv_mem_nn.hpp"

#include "kvmem/core/error.hpp"
#include "tasks/qa/model_type.hpp"
#include "tasks/qa/models/slot_weights.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace kvmem {

KvMemNN::KvMemNN(const KvMemNNConfig& config, ModelWords words, std::vector<Token> candidates,
                 const LoadParameter& load)
    : Model(std::move(words), std::move(candidates)),
      config_(validated(config)),
      question_table_(&parameters_->add("A", Matrix(0, config.width))),
      value_table_(config.tying == Tying::sides ? &parameters_->add("B", Matrix(0, config.width)) : question_table_),
      answer_table_(config.tying == Tying::answers ? &parameters_->add("B", Matrix(0, config.width)) : value_table_),
      memory_(*parameters_, "memory", config.width, {.hops = config.hops}) {
    if (load) load_parameters(load);
    grow();
}

std::string KvMemNN::summary() const {
    return "A KV-MemNN (Miller et al. 2016) of width " + std::to_string(config_.width) + " with " +
           std::to_string(config_.hops) + " hop(s)";
}

void KvMemNN::grow() {
    for (Parameter* table : {question_table_, value_table_, answer_table_}) {  // some of them may be one
        grow_table(*table, table->name == "A" ? 0 : 1, config_.deviation, config_.seed, config_.words);
        if (config_.train_entities) continue;
        table->frozen.resize(static_cast<std::size_t>(vocabulary().size()));
        for (Token token = 0; token < vocabulary().size(); ++token)
            if (first_kind(vocabulary().kind(token)) == TokenKind::entity)
                table->frozen[static_cast<std::size_t>(token)] = true;
    }
}

// The questions' tokens. A generator makes some words unknown, so that the unknown word's row learns to be harmless.
Ragged<Token> KvMemNN::questions(const Batch& batch, Rng* rng) const {
    Ragged<Token> mapped = lexicon_.question_inputs(batch.question);
    if (rng)
        for (Token& token : mapped.values)
            if (first_kind(vocabulary().kind(token)) == TokenKind::word && rng->uniform() < config_.word_dropout)
                token = unknown_token;
    return mapped;
}

KvMemNN::Forward KvMemNN::run(Tape& tape, const Batch& batch, Rng* rng) const {
    const Var query = embed_sum(tape, *question_table_, questions(batch, rng), config_.bag_scale);
    const auto slots = [&](const Matrix& encoded, const Parameter& table, const Ragged<Token>& bags) {
        if (encoded.rows() == 0) return embed_sum(tape, table, lexicon_.inputs(bags), config_.bag_scale);
        require_shape(encoded.rows() == bags.size() && encoded.cols() == config_.width, "KvMemNN",
                      "encoded slots [S, d]");
        return tape.constant(encoded);
    };
    const Var key = slots(batch.encoded.key, *question_table_, batch.slots.key);
    const Var value = slots(batch.encoded.value, *value_table_, batch.slots.value);
    auto [state, hops] = memory_.read(query, key, value, one_query_each(batch, tape));
    return {state, std::move(hops), key};
}

KvMemNN::Forward KvMemNN::run(Tape& tape, const Batch& batch) const { return run(tape, batch, nullptr); }

static Matrix embedded(const Parameter& table, const Ragged<Token>& bags, BagScale scale) {
    Matrix out(bags.size(), table.value.cols());
    embed_sum(table.value, bags, scale, out);
    return out;
}

Matrix KvMemNN::encode_questions(const Ragged<Token>& questions) const {
    return embedded(*question_table_, lexicon_.question_inputs(questions), config_.bag_scale);
}

SlotVectors KvMemNN::encode_slots(const Slots& slots) const {
    return {embedded(*question_table_, lexicon_.inputs(slots.key), config_.bag_scale),
            embedded(*value_table_, lexicon_.inputs(slots.value), config_.bag_scale)};
}

namespace {

// The candidates that a batch is scored against, a column for each. Finds them by hashing, since an array over the
// whole vocabulary would cost each batch as much as the memory is large.
class SampledCandidates {
  public:
    explicit SampledCandidates(Index max_size)
        : column_(std::bit_ceil(2 * static_cast<std::size_t>(max_size) + 2), -1) {}

    // The column of a token, which is new unless the token has one.
    Index add(Token token) {
        Index& column = column_[place_of(token)];
        if (column < 0) {
            column = tokens_.size();
            tokens_.values.push_back(token);
            tokens_.end_row();
        }
        return column;
    }
    Index find(Token token) const { return column_[place_of(token)]; }  // -1 without a column
    Index size() const { return tokens_.size(); }
    const Ragged<Token>& tokens() const { return tokens_; }

  private:
    // The place of the token's column, or the free one for it.
    std::size_t place_of(Token token) const {
        std::size_t at = static_cast<std::uint32_t>(token) * std::size_t{0x9e3779b97f4a7c15u} >> 32;
        while (column_[at &= column_.size() - 1] >= 0 && tokens_.values[column_[at]] != token) ++at;
        return at;
    }

    std::vector<Index> column_;  // a power of two above twice the largest number of columns; -1: free
    Ragged<Token> tokens_;       // one a row
};

// What the loss of a batch compares: the target and the excluded columns of each example.
struct Sample {
    SampledCandidates columns;
    std::vector<Index> targets;  // -1: none
    Ragged<Index> excluded;      // right answers but the target
};

}  // namespace

// Draws a right answer of each example, then fills the candidates up to `negatives` (0: with all of them).
static Sample sample_candidates(const Lexicon& lexicon, const Batch& batch, Index negatives, Rng& rng) {
    const auto is_candidate = [&](Token t) { return lexicon.candidate(t) >= 0; };
    const std::span<const Token> candidates = lexicon.candidates();
    const Index all = std::ssize(candidates);
    const bool against_all = negatives == 0 || negatives >= all;
    Sample sample{SampledCandidates(against_all ? all : batch.size() + negatives), {}, {}};
    SampledCandidates& columns = sample.columns;
    std::vector<Token> right;
    for (Index i = 0; i < batch.size(); ++i) {
        right.clear();
        std::ranges::copy_if(batch.answer[i], std::back_inserter(right), is_candidate);
        sample.targets.push_back(right.empty() ? -1 : columns.add(right[rng.below(std::ssize(right))]));
    }
    if (against_all) {
        for (const Token token : candidates) columns.add(token);
    } else {
        // The other values of the memory are the hardest to tell from the answer.
        for (const Token token : batch.slots.value.values)
            if (is_candidate(token) && columns.size() < negatives) columns.add(token);
        for (Index i = columns.size(); i < negatives; ++i) columns.add(candidates[rng.below(all)]);
    }
    for (Index i = 0; i < batch.size(); ++i) {
        for (const Token token : batch.answer[i])
            if (const Index column = columns.find(token); column >= 0 && column != sample.targets[i])
                sample.excluded.values.push_back(column);
        sample.excluded.end_row();
    }
    return sample;
}

// The place of each slot's value in the scores [B, columns], or -1 for a value without a column.
static std::vector<Index> places_of_values(const Lexicon& lexicon, const Batch& batch,
                                           const SampledCandidates& columns) {
    std::vector<Index> places;
    for (Index i = 0; i < batch.size(); ++i) {
        const auto [first, last] = batch.slots_of(i);
        for (Index s = first; s < last; ++s) {
            const auto value = batch.slots.value[s];
            const Index column = lexicon.candidate(value) < 0 ? -1 : columns.find(value[0]);
            places.push_back(column < 0 ? -1 : i * columns.size() + column);
        }
    }
    return places;
}

Var KvMemNN::loss(Tape& tape, const Batch& batch, Rng& rng) const {
    const auto [columns, targets, excluded] = sample_candidates(lexicon_, batch, config_.negatives, rng);
    const Forward forward = run(tape, batch, &rng);
    const Var answers = embed_sum(tape, *answer_table_, columns.tokens(), BagScale::sum);
    Var scores = dot_scores(forward.state, answers);
    if (config_.copy_weight > 0) {
        const KeyValueMemory::Hop& hop = forward.hops.back();
        const Var weights = attend_weights(hop.query, forward.key, one_query_each(batch, tape));
        const Var matched =
            scatter_sum(weights, places_of_values(lexicon_, batch, columns), batch.size(), columns.size());
        scores = add(scores, activate(scale(matched, static_cast<Real>(config_.copy_weight)), Activation::log1p));
    }
    return cross_entropy(scores, targets, excluded);
}

std::vector<Real> KvMemNN::weights(const Forward& forward, const Batch& batch, Index hop) {
    const KeyValueMemory::Hop& at = forward.hops.at(hop);
    const Segments segments = one_query_each(batch, *at.query.tape);
    std::vector<Real> weights(weight_count(segments, 1));
    QueryKey{at.query, forward.key}.write_weights(segments, {}, weights);
    return weights;
}

void KvMemNN::score(const Forward& forward, const Batch& batch, View scores) const {
    score_candidates(forward.state.value(), *answer_table_, scores);
    if (config_.copy_weight == 0) return;
    add_slot_weights(lexicon_, batch, weights(forward, batch, memory_.hops() - 1), config_.copy_weight, scores);
}

void KvMemNN::score(Tape& tape, const Batch& batch, View scores, AttentionTrace* trace) const {
    const Forward forward = run(tape, batch);
    score(forward, batch, scores);
    if (!trace) return;
    trace->resize(memory_.hops(), 1, batch.slots.size());
    for (Index hop = 0; hop < memory_.hops(); ++hop)
        std::ranges::copy(weights(forward, batch, hop), trace->of(hop).begin());
}

void KvMemNNConfig::check() const {
    require_option(retriever.strategy != Retrieval::whole, "retrieval", "question or hops");
}

const QaModelType& kv_mem_nn() {
    static const auto type = QaModelType::of<KvMemNN, KvMemNNConfig>(
        "reads slots of a shared memory by key hashing (Miller et al. 2016)",
        [](TrainerOptions& t) { t.schedule = {.rate = 5e-3, .warmup = 0, .decay = Decay::linear}; });
    return type;
}

}  // namespace kvmem
