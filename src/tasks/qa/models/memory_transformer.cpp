#include "kvmem/tasks/qa/models/memory_transformer.hpp"

#include "kvmem/core/error.hpp"
#include "tasks/qa/model_type.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <unordered_map>

namespace kvmem {

MemoryTransformer::Block::Block(Parameters& parameters, const std::string& name, const MemoryTransformerConfig& c)
    : query(parameters, name + ".query", c.width, c.width, c.seed, {.init = Init::xavier}),
      out(parameters, name + ".out", c.width, c.width, c.seed, {.init = Init::xavier}),
      feed_forward(parameters, name + ".feed_forward", c.width, c.ffn_factor * c.width, Activation::gelu, c.seed),
      norm1(parameters, name + ".norm1", c.width),
      norm2(parameters, name + ".norm2", c.width) {}

MemoryTransformer::Layer::Layer(Parameters& parameters, const std::string& name, const MemoryTransformerConfig& c)
    : norm(parameters, name + ".norm", c.width),
      key(parameters, name + ".key", c.width, c.width, c.seed, {.init = Init::xavier}),
      value(parameters, name + ".value", c.width, c.width, c.seed, {.init = Init::xavier}),
      question(parameters, name + ".question", c),
      slots(parameters, name + ".slots", c) {}

MemoryTransformer::MemoryTransformer(const MemoryTransformerConfig& config, ModelWords words,
                                     std::vector<Token> candidates, const LoadParameter& load)
    : Model(std::move(words), std::move(candidates)),
      config_(validated(config)),
      words_(&parameters_->add("words", Matrix(0, config.width))),
      places_(random_factors(2 * config.max_words, config.width, 1, config.seed)),
      encoded_(*parameters_, "encoded", config.width),
      answered_(*parameters_, "answered", config.width) {
    for (Index hop = 1; hop <= (config.share_hops ? 1 : config.hops); ++hop)
        hops_.emplace_back(*parameters_, "hop" + std::to_string(hop), config);
    const Index near = config.heads - config.heads / 2;
    for (Index h = 0; h < config.heads; ++h) {
        const double halvings = 4.0 * static_cast<double>(h + 1) / static_cast<double>(near);
        slopes_.push_back(h < near ? static_cast<Real>(std::exp2(-halvings)) : Real{0});
    }
    if (load)
        load_parameters(load);
    else
        similarity_init();
    grow();
}

void MemoryTransformer::similarity_init() {
    for (std::size_t hop = 1; hop <= hops_.size(); ++hop) {
        const std::string name = "hop" + std::to_string(hop);
        Matrix& key = parameters_->find(name + ".key.weight")->value;
        for (Real& x : key.view().span()) x *= 2;  // so that equal words stand out within a head's few columns
        const Matrix& value = parameters_->find(name + ".value.weight")->value;
        for (const char* reader : {".question", ".slots"}) {
            parameters_->find(name + reader + ".query.weight")->value = key;
            Matrix& out = parameters_->find(name + reader + ".out.weight")->value;
            for (Index i = 0; i < config_.width; ++i)
                for (Index j = 0; j < config_.width; ++j) out(j, i) = value(i, j);
        }
    }
}

void MemoryTransformer::grow() {
    grow_table(*words_, 0, 1 / std::sqrt(static_cast<double>(config_.width)), config_.seed, config_.words);
}

std::string MemoryTransformer::summary() const {
    return "A memory transformer of width " + std::to_string(config_.width) + " with " + std::to_string(config_.heads) +
           " heads and " + std::to_string(config_.hops) + " hop(s)";
}

namespace {

// Numbers the distinct rows of words, since stories repeat their sentences.
class RowInterner {
  public:
    // The number of a row of a kind, and whether it is new.
    std::pair<Index, bool> add(std::span<const Token> words, Index kind) {
        std::string bytes(reinterpret_cast<const char*>(words.data()), words.size_bytes());
        bytes.push_back(static_cast<char>(kind));
        const auto [at, fresh] = numbers_.emplace(std::move(bytes), std::ssize(numbers_));
        return {at->second, fresh};
    }

  private:
    std::unordered_map<std::string, Index> numbers_;
};

}  // namespace

MemoryTransformer::Stories MemoryTransformer::stories_of(const Batch& batch) const {
    Stories stories;
    RowInterner rows;
    std::vector<Token> words;
    const auto row_of = [&](std::span<const Token> tokens, std::span<const Token> more, Index kind) {
        words.assign(tokens.begin(), tokens.end());
        words.insert(words.end(), more.begin(), more.end());
        words.resize(std::min(words.size(), static_cast<std::size_t>(config_.max_words)));
        for (Token& token : words) token = lexicon_.input(token);
        const auto [row, fresh] = rows.add(words, kind);
        if (fresh) {
            stories.words.push_row(words);
            stories.first_factor.push_back(kind * config_.max_words);
        }
        return row;
    };
    for (std::size_t story = 0; story + 1 < batch.story_offsets.size(); ++story) {
        const Index begin = std::ssize(stories.slots), end = batch.story_offsets[story + 1];
        for (Index i = batch.story_offsets[story]; i < end; ++i) {
            const auto [first, last] = batch.slots_of(i);
            for (Index s = first + std::ssize(stories.slots) - begin; s < last; ++s) {
                const auto key = batch.slots.key[s], value = batch.slots.value[s];
                const bool same = std::ranges::equal(key, value);
                stories.slots.push_back(row_of(key, same ? std::span<const Token>() : value, 0));
            }
            for (Index s = 0; s < last - first; ++s) stories.read.push_back(begin + s);
            stories.questions.push_back(row_of(batch.question[i], {}, 1));
        }
        stories.offsets.push_back(std::ssize(stories.slots));
    }
    return stories;
}

Var MemoryTransformer::encode(Tape& tape, const Stories& stories) const {
    const auto words = tape.arena().copy(std::span<const Token>(stories.words.values));
    const auto ends = tape.arena().copy(std::span<const Index>(stories.words.offsets));
    const auto first = tape.arena().copy(std::span<const Index>(stories.first_factor));
    return encoded_(embed_sentences(tape, *words_, {words, ends}, {places_, first}));
}

AttendOptions MemoryTransformer::lookup() const {
    AttendOptions how;
    how.heads = config_.heads;
    const Index head_width = config_.width / config_.heads;
    how.scale = static_cast<Real>(1 / std::sqrt(static_cast<double>(head_width)));
    how.causal = true;
    how.slopes = slopes_;
    return how;
}

MemoryTransformer::Block::BlockOutput MemoryTransformer::Block::operator()(Var x, Var keys, Var values,
                                                                           const Segments& segments,
                                                                           const AttendOptions& how,
                                                                           double rate) const {
    const Var asked = query(norm1(x));
    const Var y = add(x, dropout(out(attend(asked, keys, values, segments, how).read), rate));
    return {add(y, dropout(feed_forward(norm2(y)), rate)), asked};
}

MemoryTransformer::Forward MemoryTransformer::run(Tape& tape, const Batch& batch) const {
    const Stories stories = stories_of(batch);
    const Var sentences = dropout(encode(tape, stories), config_.dropout);
    Var slots = take_rows(sentences, stories.slots);
    Forward forward{take_rows(sentences, stories.questions), {}};
    const AttendOptions how = lookup();
    const auto offsets = tape.arena().copy(std::span<const Index>(stories.offsets));
    const Segments questions = one_query_each(batch, tape);
    for (Index i = 0; i < config_.hops; ++i) {
        const Layer& hop = hops_[config_.share_hops ? 0 : static_cast<std::size_t>(i)];
        const Var normal = hop.norm(slots), key = hop.key(normal), value = hop.value(normal);
        const Var asked = take_rows(key, stories.read);
        const auto [state, query] =
            hop.question(forward.state, asked, take_rows(value, stories.read), questions, how, config_.dropout);
        forward.hops.push_back({query, asked});
        forward.state = state;
        if (i + 1 < config_.hops) slots = hop.slots(slots, key, value, {offsets, offsets}, how, config_.dropout).x;
    }
    forward.state = dropout(answered_(forward.state), config_.dropout);
    return forward;
}

Var MemoryTransformer::loss(Tape& tape, const Batch& batch, Rng& rng) const {
    const Targets targets = choose_targets(batch, rng);
    const Var answers = candidate_vectors(tape, *words_);
    return cross_entropy(dot_scores(run(tape, batch).state, answers), targets.candidate, targets.others);
}

void MemoryTransformer::score(Tape& tape, const Batch& batch, View scores, AttentionTrace* trace) const {
    const Forward forward = run(tape, batch);
    score_candidates(forward.state.value(), *words_, scores);
    if (!trace) return;
    trace->resize(config_.hops, config_.heads, batch.slots.size());
    const Segments segments = one_query_each(batch, tape);
    const auto weights = tape.arena().take<Real>(weight_count(segments, config_.heads));
    for (Index hop = 0; hop < config_.hops; ++hop) {
        forward.hops[hop].write_weights(segments, lookup(), weights);
        const Real* from = weights.data();  // question after question, each as [heads, slots]
        for (Index i = 0; i < batch.size(); ++i) {
            const auto [first, last] = batch.slots_of(i);
            for (Index head = 0; head < config_.heads; ++head, from += last - first)
                std::copy_n(from, last - first, trace->of(hop, head).begin() + first);
        }
    }
}

void MemoryTransformerConfig::check() const { require_option(width % heads == 0, "heads", "a divisor of the width"); }

const QaModelType& memory_transformer() {
    static const auto type = QaModelType::of<MemoryTransformer, MemoryTransformerConfig>(
        "lets the sentences of a story attend to each other", [](TrainerOptions& t) {
            t.optimizer = {.beta2 = 0.98, .clip_norm = 1};
            t.schedule = {.rate = 1e-3, .warmup = 0.05, .decay = Decay::cosine};
            t.epochs = 20;
            t.patience = 0;
        });
    return type;
}

}  // namespace kvmem
