#include "kvmem/models/kv_mem_nn.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/kernels/gemm.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kvmem {

void KvMemNNConfig::validate() const {
    require_option(width >= 1 && width <= 8192, "width", "1 to 8192");
    require_option(hops >= 1 && hops <= 16, "hops", "1 to 16");
    require_option(deviation > 0 && std::isfinite(deviation), "init", "a positive number");
    require_option(negatives >= 0, "negatives", "0 (all candidates) or more");
    require_option(match >= 0 && match <= 1e30, "match", "0 to 1e30");
    require_option(word_dropout >= 0 && word_dropout < 1, "word dropout", "0 to below 1");
    require_option(retriever.max_frequency >= 1 && retriever.max_slots >= 1, "retrieval limits", "1 or more");
}

// FNV-1a: names the stream of random numbers that a token's row begins with.
static std::uint64_t stream_of(TokenKind kind, const std::string& text) {
    std::uint64_t hash = 0xcbf29ce484222325u ^ static_cast<std::uint64_t>(kind);
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return hash;
}

KvMemNN::KvMemNN(const KvMemNNConfig& config, Vocabulary vocabulary, std::vector<Token> candidates,
                 const std::function<Matrix(const std::string& name)>& load)
    : config_((config.validate(), config)),
      vocabulary_(std::move(vocabulary)),
      candidates_(std::move(candidates)),
      parameters_(std::make_unique<Parameters>()),
      question_table_(&parameters_->add("A", Matrix(0, config.width))),
      value_table_(config.tying == Tying::sides ? &parameters_->add("B", Matrix(0, config.width)) : question_table_),
      answer_table_(config.tying == Tying::answers ? &parameters_->add("B", Matrix(0, config.width)) : value_table_),
      memory_(*parameters_, "memory", config.width, {.hops = config.hops}) {
    if (load)
        load_tables(load);
    else
        grow_tables();
    index_vocabulary();
}

void KvMemNN::load_tables(const std::function<Matrix(const std::string& name)>& load) {
    for (Parameter& parameter : *parameters_) {
        const bool table = parameter.value.rows() == 0;
        const Index rows = table ? vocabulary_.size() : parameter.value.rows();
        Matrix value = load(parameter.name);
        if (value.rows() != rows || value.cols() != config_.width)
            throw Error({.what = "parameter " + parameter.name + " does not fit the model",
                         .expected = std::to_string(rows) + " x " + std::to_string(config_.width),
                         .got = std::to_string(value.rows()) + " x " + std::to_string(value.cols()),
                         .where = {},
                         .hint = {}});
        parameter.value = std::move(value);
    }
}

void KvMemNN::grow_tables() {
    for (Parameter* table : {question_table_, value_table_, answer_table_}) {
        const Index before = table->value.rows();
        if (before == vocabulary_.size()) continue;  // a table that stands for two
        Matrix grown(vocabulary_.size(), config_.width);
        std::copy_n(table->value.data(), table->value.size(), grown.data());
        const std::uint64_t side = table->name == "A" ? 0 : 1;
        for (Token token = static_cast<Token>(before); token < vocabulary_.size(); ++token) {
            Rng rng(config_.seed, {side, stream_of(vocabulary_.kind(token), vocabulary_.text(token))});
            for (Index j = 0; j < config_.width; ++j)
                grown(token, j) = static_cast<Real>(config_.deviation * rng.normal());
        }
        table->value = std::move(grown);
    }
}

void KvMemNN::index_vocabulary() {
    const auto size = static_cast<std::size_t>(vocabulary_.size());
    inputs_.resize(size);
    candidate_number_.assign(size, -1);
    for (Token token = 0; token < vocabulary_.size(); ++token) {
        const bool untrained = vocabulary_.kind(token) == TokenKind::word && vocabulary_.count(token) == 0;
        inputs_[static_cast<std::size_t>(token)] = untrained ? unknown_token : token;
    }
    std::vector<bool> frozen;
    if (!config_.train_entities)
        for (Token token = 0; token < vocabulary_.size(); ++token)
            frozen.push_back(vocabulary_.kind(token) == TokenKind::entity);
    for (Parameter* table : {question_table_, value_table_, answer_table_}) table->frozen = frozen;
    for (std::size_t i = 0; i < candidates_.size(); ++i)
        candidate_number_[static_cast<std::size_t>(candidates_[i])] = static_cast<Index>(i);
}

Ragged<Token> KvMemNN::inputs(const Ragged<Token>& bags) const {
    Ragged<Token> mapped = bags;
    for (Token& token : mapped.values) token = input(token);
    return mapped;
}

// With a generator, some words are made unknown, so that the unknown word's row learns to be harmless.
Ragged<Token> KvMemNN::questions(const Batch& batch, Rng* rng) const {
    Ragged<Token> mapped = inputs(batch.question);
    if (rng)
        for (Token& token : mapped.values)
            if (vocabulary_.kind(token) == TokenKind::word && rng->uniform() < config_.word_dropout)
                token = unknown_token;
    return mapped;
}

static Segments one_query_each(const Batch& batch, Tape& tape) {
    const auto queries = tape.arena().take<Index>(batch.size() + 1);
    std::iota(queries.begin(), queries.end(), Index{0});
    return {queries, batch.slot_offsets};
}

KvMemNN::Reading KvMemNN::read(Tape& tape, const Batch& batch, Rng* rng) const {
    const Var query = embed_sum(tape, *question_table_, questions(batch, rng), config_.bag_scale);
    const Var key = embed_sum(tape, *question_table_, inputs(batch.slots.key), config_.bag_scale);
    const Var value = embed_sum(tape, *value_table_, inputs(batch.slots.value), config_.bag_scale);
    auto [state, hops] = memory_.read(query, key, value, one_query_each(batch, tape));
    return {state, std::move(hops), key};
}

KvMemNN::Reading KvMemNN::read(Tape& tape, const Batch& batch) const { return read(tape, batch, nullptr); }

namespace {

// The candidates that a batch is scored against, each with a column of its own.
class Columns {
  public:
    explicit Columns(Index vocabulary) : column_(static_cast<std::size_t>(vocabulary), -1) {}

    Index add(Token token) {
        Index& column = column_[static_cast<std::size_t>(token)];
        if (column < 0) {
            column = tokens_.size();
            tokens_.values.push_back(token);
            tokens_.end_row();
        }
        return column;
    }
    Index find(Token token) const { return column_[static_cast<std::size_t>(token)]; }
    Index size() const { return tokens_.size(); }
    const Ragged<Token>& tokens() const { return tokens_; }

  private:
    std::vector<Index> column_;
    Ragged<Token> tokens_;  // one a row
};

}  // namespace

Var KvMemNN::loss(Tape& tape, const Batch& batch, Rng& rng) const {
    const auto is_candidate = [&](Token t) { return candidate_number_[static_cast<std::size_t>(t)] >= 0; };
    Columns columns(vocabulary_.size());
    std::vector<Index> targets(static_cast<std::size_t>(batch.size()), -1);
    std::vector<Token> right;
    for (Index i = 0; i < batch.size(); ++i) {
        right.clear();
        std::copy_if(batch.answer[i].begin(), batch.answer[i].end(), std::back_inserter(right), is_candidate);
        if (!right.empty())
            targets[static_cast<std::size_t>(i)] =
                columns.add(right[static_cast<std::size_t>(rng.below(static_cast<Index>(right.size())))]);
    }
    const auto all = static_cast<Index>(candidates_.size());
    if (config_.negatives == 0 || config_.negatives >= all) {
        for (const Token token : candidates_) columns.add(token);
    } else {
        // What the memory holds beside the answer is the hardest to tell from it.
        for (const Token token : batch.slots.value.values)
            if (is_candidate(token) && columns.size() < config_.negatives) columns.add(token);
        for (Index i = columns.size(); i < config_.negatives; ++i)
            columns.add(candidates_[static_cast<std::size_t>(rng.below(all))]);
    }
    Ragged<Index> excluded;
    for (Index i = 0; i < batch.size(); ++i) {
        for (const Token token : batch.answer[i]) {
            const Index column = columns.find(token);
            if (column >= 0 && column != targets[static_cast<std::size_t>(i)]) excluded.values.push_back(column);
        }
        excluded.end_row();
    }
    const Reading reading = read(tape, batch, &rng);
    const Var answers = embed_sum(tape, *answer_table_, columns.tokens(), BagScale::sum);
    Var scores = dot_scores(reading.state, answers);
    if (config_.match > 0) {
        const KeyValueMemory::Hop& hop = reading.hops.back();
        const Var weights = attend_weights(hop.query, reading.key, one_query_each(batch, tape));
        std::vector<Index> places;  // in the scores, of each slot's value
        for (Index i = 0; i < batch.size(); ++i) {
            const auto [first, last] = batch.slots_of(i);
            for (Index s = first; s < last; ++s) {
                const Index candidate = candidate_of(batch.slots.value[s]);
                const Index column =
                    candidate < 0 ? -1 : columns.find(candidates_[static_cast<std::size_t>(candidate)]);
                places.push_back(column < 0 ? -1 : i * columns.size() + column);
            }
        }
        const Var matched = scatter_sum(weights, places, batch.size(), columns.size());
        scores = add(scores, activate(scale(matched, static_cast<Real>(config_.match)), Activation::log1p));
    }
    return cross_entropy(scores, targets, excluded);
}

Index KvMemNN::candidate_of(std::span<const Token> value) const {
    return value.size() == 1 ? candidate_number_[static_cast<std::size_t>(value[0])] : -1;
}

std::vector<Real> KvMemNN::weights(const Reading& reading, const Batch& batch, Index hop) {
    const KeyValueMemory::Hop& at = reading.hops.at(static_cast<std::size_t>(hop));
    const Segments segments = one_query_each(batch, *at.query.tape);
    std::vector<Real> weights(static_cast<std::size_t>(weight_count(segments, 1)));
    attend_weights({.query = at.query.value(), .key = reading.key.value(), .value = {}}, segments, {}, weights,
                   at.query.tape->arena());
    return weights;
}

void KvMemNN::score(const Reading& reading, const Batch& batch, View scores) const {
    score_states(reading.state.value(), scores);
    if (config_.match == 0) return;
    const std::vector<Real> weight = weights(reading, batch, memory_.hops() - 1);
    std::vector<std::pair<Index, Real>> matched;  // candidates of one example's slots, with their weight
    for (Index i = 0; i < batch.size(); ++i) {
        matched.clear();
        const auto [first, last] = batch.slots_of(i);
        for (Index s = first; s < last; ++s)
            if (const Index candidate = candidate_of(batch.slots.value[s]); candidate >= 0)
                matched.emplace_back(candidate, weight[static_cast<std::size_t>(s)]);
        std::stable_sort(matched.begin(), matched.end(), [](auto& a, auto& b) { return a.first < b.first; });
        for (std::size_t k = 0; k < matched.size();) {
            const Index candidate = matched[k].first;
            double sum = 0;
            for (; k < matched.size() && matched[k].first == candidate; ++k) sum += matched[k].second;
            scores(i, candidate) += static_cast<Real>(std::log1p(config_.match * sum));
        }
    }
}

void KvMemNN::score_states(ConstView states, View scores) const {
    const ConstView table = answer_table_->value;
    require_shape(scores.rows == states.rows && scores.cols == static_cast<Index>(candidates_.size()), "KvMemNN::score",
                  "scores [B, C]");
    const auto all = static_cast<Index>(candidates_.size());
    if (all == 0) return;
    if (candidates_.back() - candidates_.front() + 1 == all) {  // neighbouring rows, as importers make them
        gemm(1, states, Transpose::no, table.middle_rows(candidates_.front(), all), Transpose::yes, 0, scores);
        return;
    }
    // Otherwise rows are copied together, some at a time.
    constexpr Index block = 1024;
    Matrix rows(std::min(block, all), config_.width), part(states.rows, std::min(block, all));
    for (Index first = 0; first < all; first += block) {
        const Index count = std::min(block, all - first);
        for (Index i = 0; i < count; ++i)
            std::copy_n(table.row(candidates_[static_cast<std::size_t>(first + i)]), config_.width, rows.row(i));
        const View out{part.data(), states.rows, count};
        gemm(1, states, Transpose::no, rows.view().middle_rows(0, count), Transpose::yes, 0, out);
        for (Index i = 0; i < states.rows; ++i) std::copy_n(out.row(i), count, scores.row(i) + first);
    }
}

std::vector<Token> KvMemNN::extend(const QaDataset& dataset) {
    const Vocabulary& theirs = dataset.vocabulary;
    std::vector<Token> to(static_cast<std::size_t>(theirs.size()), unknown_token);
    for (Token token = 1; token < theirs.size(); ++token) {
        const TokenKind kind = theirs.kind(token);
        const std::string& text = theirs.text(token);
        Token& ours = to[static_cast<std::size_t>(token)];
        if (token < vocabulary_.size() && vocabulary_.kind(token) == kind && vocabulary_.text(token) == text)
            ours = token;  // as it is throughout for the data set that the model was trained on
        else if (kind == TokenKind::entity)
            ours = vocabulary_.add(kind, text);
        else if (const auto known = vocabulary_.find(kind, text))
            ours = *known;
    }
    candidates_ = dataset.candidates;
    translate(candidates_, to);
    std::sort(candidates_.begin(), candidates_.end());
    std::erase(candidates_, unknown_token);  // words that the model does not know are no answers
    grow_tables();
    index_vocabulary();
    return to;
}

void translate(Slots& slots, std::span<const Token> to) {
    translate(slots.key.values, to);
    translate(slots.value.values, to);
}

void translate(std::span<Token> tokens, std::span<const Token> to) {
    for (Token& token : tokens) token = to[static_cast<std::size_t>(token)];
}

}  // namespace kvmem
