#include "kvmem/tasks/qa/models/mem_n2n.hpp"

#include "kvmem/core/error.hpp"
#include "tasks/qa/model_type.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace kvmem {

SentenceTables MemN2N::add_tables(const std::string& name) {
    const MemN2NConfig& c = config_;
    Parameter* words = &parameters_->add(name, Matrix(0, c.width));
    if (!c.temporal) return {words, nullptr};
    Parameter& places = parameters_->add_normal("T" + name, c.memory + c.empty_slots, c.width, c.deviation, c.seed);
    if (c.empty_slots) {  // its last row is the empty slots'
        std::fill_n(places.value.row(c.memory), c.width, Real{0});
        places.frozen.assign(static_cast<std::size_t>(c.memory) + 1, false);
        places.frozen.back() = true;
    }
    return {words, &places};
}

MemN2N::MemN2N(const MemN2NConfig& config, Vocabulary vocabulary, std::vector<Token> candidates,
               const LoadParameter& load)
    : Model(std::move(vocabulary), std::move(candidates)),
      config_(validated(config)),
      phase_(config.linear_start ? 1 : 0) {
    const auto add_words = [&](const std::string& name) { return &parameters_->add(name, Matrix(0, config.width)); };
    tables_.push_back(add_tables("A"));
    if (config.tying == HopTying::adjacent) {
        for (Index k = 1; k <= config.hops; ++k) tables_.push_back(add_tables("C" + std::to_string(k)));
        question_table_ = tables_.front().words;
        answer_table_ = tables_.back().words;
    } else {
        tables_.push_back(add_tables("C"));
        question_table_ = add_words("B");
        answer_table_ = add_words("W");
    }
    if (config.linear_map || config.tying == HopTying::layerwise)
        map_ = &parameters_->add_normal("H", config.width, config.width, config.deviation, config.seed);
    if (load) load_parameters(load);
    grow();
}

std::string MemN2N::summary() const {
    return "A MemN2N (Sukhbaatar et al. 2015) of width " + std::to_string(config_.width) + " with " +
           std::to_string(config_.hops) + " hop(s)";
}

void MemN2N::set_phase(Index phase) {
    require_shape(phase >= 0 && phase < phases(), "MemN2N::set_phase", "a phase that there is");
    phase_ = phase;
}

void MemN2N::grow() {
    std::uint64_t side = 0;
    for (Parameter& p : *parameters_) {
        const bool of_places = p.name.front() == 'T' || p.name == "H";
        if (!of_places) grow_table(p, side++, config_.deviation, config_.seed);
    }
}

// The places of n sentences, the last one's first, among which so many empty ones are strewn.
static void insert_noise(std::span<Token> places, Index empty, Index last_place, Rng& rng) {
    const Index n = std::ssize(places);
    Index left = n + empty, place = 0;
    for (Index i = n; i > 0; ++place, --left) {
        if (rng.below(left) >= i) continue;  // an empty one
        places[static_cast<std::size_t>(--i)] = static_cast<Token>(std::min(place, last_place));
    }
}

// Where each question's slots end. One slot stands for all empty ones and lies before the sentences.
std::span<const Index> MemN2N::offsets_of(Tape& tape, const Batch& batch) const {
    const auto offsets = tape.arena().take<Index>(batch.size() + 1);
    offsets[0] = 0;
    for (Index i = 0; i < batch.size(); ++i) {
        const auto [first, last] = batch.slots_of(i);
        const Index n = std::min(config_.memory, last - first), empty = config_.empty_slots && n < config_.memory;
        offsets[static_cast<std::size_t>(i) + 1] = offsets[static_cast<std::size_t>(i)] + empty + n;
    }
    return offsets;
}

MemN2N::Memory MemN2N::memory_of(Tape& tape, const Batch& batch, Rng* noise) const {
    Arena& arena = tape.arena();
    // In stories no value differs from its key.
    const bool stories = batch.slots.key == batch.slots.value;
    const auto differs = [&](Index s) {
        return !stories && !std::ranges::equal(batch.slots.key[s], batch.slots.value[s]);
    };
    const auto offsets = offsets_of(tape, batch);
    const Index count = offsets.back();
    const auto ends = arena.take<Index>(count + 1);
    const auto places = arena.take<Token>(count);
    const View bias = config_.empty_slots ? arena.matrix(count, 1) : View{};
    std::ranges::fill(bias.span(), Real{0});
    const auto tokens = arena.take<Token>(std::ssize(batch.slots.key.values) + std::ssize(batch.slots.value.values));
    ends[0] = 0;
    std::size_t end = 0, sentence = 0;
    const auto put = [&](std::span<const Token> words) {
        for (const Token token : words) tokens[end++] = lexicon_.input(token);
    };
    for (Index i = 0; i < batch.size(); ++i) {
        const auto [first, last] = batch.slots_of(i);
        const Index n = std::min(config_.memory, last - first);
        if (offsets[static_cast<std::size_t>(i) + 1] - offsets[static_cast<std::size_t>(i)] > n) {
            bias.data[sentence] = static_cast<Real>(std::log(static_cast<double>(config_.memory - n)));
            places[sentence] = static_cast<Token>(config_.memory);
            ends[++sentence] = static_cast<Index>(end);
        }
        const auto mine = places.subspan(sentence, static_cast<std::size_t>(n));
        for (Index j = 0; j < n; ++j) mine[static_cast<std::size_t>(j)] = static_cast<Token>(n - 1 - j);
        if (noise && config_.random_noise > 0 && n > 0) {
            const auto most = static_cast<Index>(std::ceil(config_.random_noise * static_cast<double>(n)));
            insert_noise(mine, noise->below(most + 1), config_.memory - 1, *noise);
        }
        for (Index s = last - n; s < last; ++s) {
            put(batch.slots.key[s]);
            if (differs(s)) put(batch.slots.value[s]);
            ends[++sentence] = static_cast<Index>(end);
        }
    }
    return {{tokens.first(end), ends}, places, offsets, bias};
}

// One query for each question.
static Segments segments_of(Tape& tape, std::span<const Index> offsets) {
    const auto queries = tape.arena().take<Index>(std::ssize(offsets));
    for (std::size_t i = 0; i < queries.size(); ++i) queries[i] = static_cast<Index>(i);
    return {queries, offsets};
}

AttendOptions MemN2N::lookup() const {
    AttendOptions options;
    if (phase_ + 1 < phases()) options.normalizer = Normalizer::none;
    return options;
}

PositionFactors MemN2N::encode(Tape& tape, RaggedView<Token> bags) const {
    switch (config_.encoding) {
        case Encoding::position:
            return position_encoding(bags, config_.width, tape.arena());
        case Encoding::aligned:
            return aligned_encoding(bags, config_.width, config_.aligned_length, tape.arena());
        case Encoding::bag:
            break;
    }
    return {};
}

MemN2N::Forward MemN2N::run(Tape& tape, const Batch& batch, Rng* noise) const {
    const auto words = tape.arena().take<Token>(std::ssize(batch.question.values));
    std::ranges::transform(batch.question.values, words.begin(), [&](Token token) { return lexicon_.input(token); });
    const RaggedView<Token> question{words, tape.arena().copy(std::span<const Index>(batch.question.offsets))};
    const Memory memory = memory_of(tape, batch, noise);
    const PositionFactors positions = encode(tape, memory.sentences);
    const Segments segments = segments_of(tape, memory.offsets);
    const AttendOptions options = lookup();
    const LookupBias bias{.slot = memory.bias.data ? std::optional(tape.constant(memory.bias)) : std::nullopt};

    Forward forward{embed_sentences(tape, *question_table_, question, encode(tape, question)), {}, memory};
    const std::vector<Var> embedded = embed_sentences(tape, tables_, memory.sentences, positions, memory.places);
    for (Index k = 0; k < config_.hops; ++k) {
        const Var key = embedded[key_of(k)], value = embedded[value_of(k)];
        forward.hops.push_back({forward.state, key});
        const Var read = attend(forward.state, key, value, segments, options, bias).read;
        const Var mapped = map_ ? linear(forward.state, tape.parameter(*map_)) : forward.state;
        forward.state = add(mapped, read);
        if (config_.relu) forward.state = activate(forward.state, Activation::relu);
    }
    return forward;
}

Var MemN2N::loss(Tape& tape, const Batch& batch, Rng& rng) const {
    const Targets targets = choose_targets(batch, rng);
    const Forward forward = run(tape, batch, &rng);
    const Var answers = candidate_vectors(tape, *answer_table_);
    return cross_entropy(dot_scores(forward.state, answers), targets.candidate, targets.others);
}

void MemN2N::score(Tape& tape, const Batch& batch, View scores, AttentionTrace* trace) const {
    const Forward forward = run(tape, batch, nullptr);
    score_candidates(forward.state.value(), *answer_table_, scores);
    if (!trace) return;
    trace->resize(config_.hops, 1, batch.slots.size());
    const Segments segments = segments_of(tape, forward.memory.offsets);
    const auto weights = tape.arena().take<Real>(weight_count(segments, 1));
    for (Index k = 0; k < config_.hops; ++k) {
        const auto& [query, key] = forward.hops[static_cast<std::size_t>(k)];
        attend_weights({.query = query.value(), .key = key.value(), .value = {}, .slot_bias = forward.memory.bias},
                       segments, lookup(), weights, tape.arena());
        for (Index i = 0; i < batch.size(); ++i) {  // the last slots of each question
            const auto [first, last] = batch.slots_of(i);
            const Index n = std::min(config_.memory, last - first);
            const auto end = weights.begin() + forward.memory.offsets[static_cast<std::size_t>(i) + 1];
            std::copy(end - n, end, trace->of(k).begin() + (last - n));
        }
    }
}

// What the authors ran on bAbI (sections 4.2 and 4.3). Their batches are summed, not averaged: so are the rates and the
// length that gradients are cut to. Where their program differs from the text it is followed, as the figures are the
// program's: places count alike in all sentences, and the empty slots of the memory are read too. With 10,000 questions
// a task there is a nonlinear layer between the hops.
static RunConfig babi(Index width, Index epochs, double halve_every, Index start, bool large) {
    RunConfig config;
    config.model = MemN2NConfig{
        .width = width, .encoding = Encoding::aligned, .empty_slots = true, .linear_map = large, .relu = large};
    TrainerOptions& t = config.trainer;
    t.epochs = epochs;
    t.batch = 32;
    t.optimizer.method = Method::sgd;
    t.optimizer.clip_norm = 40;
    t.sum_losses = true;
    t.schedule = {.rate = 0.01, .warmup = 0, .decay = Decay::halve, .halve_every = halve_every};
    t.start_rate = 0.005;
    t.start_epochs = t.start_patience = start;
    t.patience = 0;
    return config;
}

const QaModelType& mem_n2n() {
    static const auto type = [] {
        auto made = qa_model_type<MemN2N, MemN2NConfig>("reads the sentences of a story (Sukhbaatar et al. 2015)",
                                                        [](TrainerOptions&) {});
        made.presets = {{"memn2n-babi-1k", babi(20, 100, 25, 20, false)},
                        {"memn2n-babi-1k-joint", babi(50, 60, 15, 30, false)},
                        {"memn2n-babi-10k", babi(100, 100, 25, 20, true)},
                        {"memn2n-babi-10k-joint", babi(100, 60, 15, 30, true)}};
        made.recommended = made.presets[1].second;
        return made;
    }();
    return type;
}

}  // namespace kvmem
