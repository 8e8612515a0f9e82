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
    if (c.empty_slots) {  // the last row serves the empty slots, and stays 0
        std::fill_n(places.value.row(c.memory), c.width, Real{0});
        places.frozen.assign(static_cast<std::size_t>(c.memory) + 1, false);
        places.frozen.back() = true;
    }
    return {words, &places};
}

MemN2N::MemN2N(const MemN2NConfig& config, ModelWords words, std::vector<Token> candidates, const LoadParameter& load)
    : Model(std::move(words), std::move(candidates)), config_(validated(config)), phase_(config.linear_start ? 1 : 0) {
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
        if (!of_places) grow_table(p, side++, config_.deviation, config_.seed, config_.words);
    }
}

// Writes the places of n sentences, the last one's first, with `empty` empty sentences at random places between them.
static void insert_noise(std::span<Token> places, Index empty, Index last_place, Rng& rng) {
    const Index n = std::ssize(places);
    Index left = n + empty, place = 0;
    for (Index i = n; i > 0; ++place, --left) {
        if (rng.below(left) >= i) continue;  // an empty one
        places[--i] = static_cast<Token>(std::min(place, last_place));
    }
}

// Writes the places of a question's sentences, counted back from the question. With a generator, noise shifts them.
static void number_places(std::span<Token> places, const MemN2NConfig& config, Rng* noise) {
    const Index n = std::ssize(places);
    for (Index j = 0; j < n; ++j) places[j] = static_cast<Token>(n - 1 - j);
    if (!noise || config.random_noise == 0 || n == 0) return;
    const auto max_empty = static_cast<Index>(std::ceil(config.random_noise * static_cast<double>(n)));
    insert_noise(places, noise->below(max_empty + 1), config.memory - 1, *noise);
}

// The offsets of the questions' sentences. One slot before the sentences stands for all empty ones.
std::span<const Index> MemN2N::offsets_of(Tape& tape, const Batch& batch) const {
    const auto offsets = tape.arena().take<Index>(batch.size() + 1);
    offsets[0] = 0;
    for (Index i = 0; i < batch.size(); ++i) {
        const auto [first, last] = batch.slots_of(i);
        const Index n = std::min(config_.memory, last - first), empty = config_.empty_slots && n < config_.memory;
        offsets[i + 1] = offsets[i] + empty + n;
    }
    return offsets;
}

MemN2N::Memory MemN2N::memory_of(Tape& tape, const Batch& batch, Rng* noise) const {
    Arena& arena = tape.arena();
    // In stories no value differs from its key, which one comparison finds.
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
    const auto append_words = [&](std::span<const Token> words) {
        for (const Token token : words) tokens[end++] = lexicon_.input(token);
    };
    for (Index i = 0; i < batch.size(); ++i) {
        const auto [first, last] = batch.slots_of(i);
        const Index n = std::min(config_.memory, last - first);
        if (offsets[i + 1] - offsets[i] > n) {
            bias.data[sentence] = static_cast<Real>(std::log(static_cast<double>(config_.memory - n)));
            places[sentence] = static_cast<Token>(config_.memory);
            ends[++sentence] = static_cast<Index>(end);
        }
        number_places(places.subspan(sentence, n), config_, noise);
        for (Index s = last - n; s < last; ++s) {
            append_words(batch.slots.key[s]);
            if (differs(s)) append_words(batch.slots.value[s]);
            ends[++sentence] = static_cast<Index>(end);
        }
    }
    return {{tokens.first(end), ends}, places, offsets, bias};
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
    const Segments segments = one_query_each(memory.offsets, tape);
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
    const Segments segments = one_query_each(forward.memory.offsets, tape);
    const auto weights = tape.arena().take<Real>(weight_count(segments, 1));
    for (Index k = 0; k < config_.hops; ++k) {
        forward.hops[k].write_weights(segments, lookup(), weights, forward.memory.bias);
        for (Index i = 0; i < batch.size(); ++i) {  // the last slots of each question
            const auto [first, last] = batch.slots_of(i);
            const Index n = std::min(config_.memory, last - first);
            const auto end = weights.begin() + forward.memory.offsets[i + 1];
            std::copy(end - n, end, trace->of(k).begin() + (last - n));
        }
    }
}

// The authors' settings for bAbI (sections 4.2 and 4.3). They sum the losses of a batch, so rates and clip length are
// those of sums. Aligned places and empty slots follow their program where it differs from the text, since the figures
// are the program's. With 10,000 questions a task they add a nonlinear layer between hops.
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
        auto made = QaModelType::of<MemN2N, MemN2NConfig>("reads the sentences of a story (Sukhbaatar et al. 2015)",
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
