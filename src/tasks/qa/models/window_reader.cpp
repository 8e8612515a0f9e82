#include "kvmem/tasks/qa/models/window_reader.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/kernels/embed.hpp"
#include "tasks/qa/model_type.hpp"
#include "tasks/qa/models/slot_weights.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

namespace {

constexpr Index reach = 32;                                                   // places on each side of a mention
constexpr Index places = 2 * reach + 1;                                       // of a window
constexpr Token is_title_slot = 0, title_is_asked = 1, first_place_mark = 2;  // marks
constexpr Real weight_scale = 1e5;                                            // log(1 + 1e5 w) stands for log w

// What a batch's windows hold, as rows of tables.
struct Windows {
    Ragged<Token> words, marks;
    std::vector<Index> first;  // the row of the factors of each window's first word
};

// How words of a window become rows. With a generator, some are left out.
struct WindowOptions {
    const Lexicon& lexicon;
    const WindowReaderConfig& config;
    Rng* rng;

    Token input(Token token) const {
        const bool name = first_kind(lexicon.vocabulary().kind(token)) == TokenKind::entity;
        if (rng && rng->uniform() < (name ? config.name_dropout : config.word_dropout)) return unknown_token;
        return lexicon.input(token);
    }
};

}  // namespace

// The tokens of the second dictionary surround the one of the first, the mention. Those before them are the marker of
// the slot, and behind <centre> the title.
static void add_window(Windows& windows, std::span<const Token> key, std::span<const Token> asked,
                       const WindowOptions& options) {
    const Vocabulary& vocabulary = options.lexicon.vocabulary();
    const auto is_asked = [&](Token token) { return std::ranges::find(asked, token) != asked.end(); };
    if (!key.empty() && vocabulary.kind(key[0]) == TokenKind::special) {
        const bool titled = vocabulary.text(key[0]) == "<title>";
        if (titled) windows.marks.values.push_back(is_title_slot);
        key = key.subspan(1);
        if (!titled && !key.empty()) {
            if (is_asked(key[0])) windows.marks.values.push_back(title_is_asked);
            key = key.subspan(1);
        }
    }
    const auto is_centre = [&](Token t) { return first_kind(vocabulary.kind(t)) == vocabulary.kind(t); };
    Index centre = std::ranges::find_if(key, is_centre) - key.begin();
    if (centre > reach) key = key.subspan(centre - reach), centre = reach;
    key = key.first(std::min(std::ssize(key), centre + reach + 1));
    for (Index j = 0; j < std::ssize(key); ++j) {
        const bool found = is_asked(key[j]);
        windows.words.values.push_back(found ? unknown_token : options.input(key[j]));
        if (found) windows.marks.values.push_back(static_cast<Token>(first_place_mark + reach + j - centre));
    }
    windows.words.end_row();
    windows.marks.end_row();
    windows.first.push_back(reach - centre);
}

WindowReader::WindowReader(const WindowReaderConfig& config, ModelWords words, std::vector<Token> candidates,
                           const LoadParameter& load)
    : Model(std::move(words), std::move(candidates)),
      config_(validated(config)),
      question_table_(&parameters_->add("Q", Matrix(0, config.width))),
      window_table_(&parameters_->add("E", Matrix(0, config.width))),
      marks_(&parameters_->add_normal("M", first_place_mark + places, config.width, 0.1, config.seed)),
      factors_(random_factors(places, config.width, config.place_deviation, config.seed)) {
    inner_.emplace(*parameters_, "inner", config.width, config.width, config.seed);
    outer_.emplace(*parameters_, "outer", config.width, config.width, config.seed + 1);
    if (load) load_parameters(load);
    grow();
}

std::string WindowReader::summary() const {
    return "A reader of windows in documents of width " + std::to_string(config_.width);
}

void WindowReader::grow() {
    grow_table(*question_table_, 0, 0.1, config_.seed, config_.words);
    grow_table(*window_table_, 1, 0.1, config_.seed, config_.words);
}

// The weights of the batch's slots: [S, 1].
Var WindowReader::weights(Tape& tape, const Batch& batch, Rng* rng) const {
    const Vocabulary& words = vocabulary();
    const WindowOptions options{lexicon_, config_, rng};
    Ragged<Token> questions;
    Windows windows;
    for (Index i = 0; i < batch.size(); ++i) {
        std::vector<Token> asked;  // in both dictionaries
        for (const Token token : batch.question[i]) {
            if (words.kind(token) != TokenKind::entity) {
                questions.values.push_back(options.input(token));
                continue;
            }
            asked.push_back(token);
            if (const Token second = lexicon_.second(token); second != unknown_token) asked.push_back(second);
        }
        questions.end_row();
        const auto [first, last] = batch.slots_of(i);
        for (Index s = first; s < last; ++s) add_window(windows, batch.slots.key[s], asked, options);
    }
    const Var query = embed_sum(tape, *question_table_, questions, BagScale::inverse_sqrt);
    const Var window = embed_sentences(tape, *window_table_, windows.words, {factors_, windows.first}) +
                       embed_sum(tape, *marks_, windows.marks, BagScale::sum);
    return attend_weights(query, (*outer_)(relu((*inner_)(window))), one_query_each(batch, tape));
}

Var WindowReader::loss(Tape& tape, const Batch& batch, Rng& rng) const {
    std::vector<Index> right;  // the example of each slot with a right answer, otherwise -1
    for (Index i = 0; i < batch.size(); ++i) {
        const auto [first, last] = batch.slots_of(i);
        for (Index s = first; s < last; ++s) {
            const auto value = batch.slots.value[s];
            const bool is_right =
                lexicon_.candidate(value) >= 0 && std::ranges::find(batch.answer[i], value[0]) != batch.answer[i].end();
            right.push_back(is_right ? i : -1);
        }
    }
    const Var weight = scatter_sum(weights(tape, batch, &rng), right, batch.size(), 1);
    const Var all = sum(activate(scale(weight, weight_scale), Activation::log1p));
    Matrix most(1, 1);  // the sum if right answers have all weight
    most(0, 0) = static_cast<Real>(batch.size()) * std::log1p(weight_scale);
    return tape.constant(std::move(most)) - all;
}

void WindowReader::score(Tape& tape, const Batch& batch, View scores, AttentionTrace* trace) const {
    const Var weight = weights(tape, batch, nullptr);
    std::ranges::fill(scores.span(), Real{0});
    add_slot_weights(lexicon_, batch, weight.value().span(), weight_scale, scores);
    if (!trace) return;
    trace->resize(1, 1, batch.slots.size());
    std::ranges::copy(weight.value().span(), trace->of(0).begin());
}

void WindowReaderConfig::check() const {
    require_option(retriever.strategy != Retrieval::whole, "retrieval", "question or hops");
}

const QaModelType& window_reader() {
    static const auto type = QaModelType::of<WindowReader, WindowReaderConfig>(
        "points at mentions in windows of documents, by the words around them",
        [](TrainerOptions& t) { t.schedule = {.rate = 3e-3, .warmup = 0.02, .decay = Decay::linear}; });
    return type;
}

}  // namespace kvmem
