#include "kvmem/tasks/selection/models/sentence_memory.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/nn/orthogonal.hpp"
#include "nn/row_ops.hpp"
#include "tasks/selection/model_type.hpp"
#include "tasks/selection/models/word_inputs.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace kvmem {

void SentenceMemoryConfig::check() const { require_option(window % 2 == 1, "window", "an odd number"); }

static Index row_width(const SentenceLexicon& lexicon) { return lexicon.width() + ReadQuestion::match_columns; }

static KeyValueMemoryOptions memory_options(const SentenceMemoryConfig& config) {
    return {.hops = config.hops,
            .lookup = {.scale = static_cast<Real>(config.sharpness), .similarity = Similarity::cosine}};
}

// Both dictionaries begin as one map, which leaves the angles of words as they are.
static void begin_as_one(Parameters& parameters, std::uint64_t seed) {
    Matrix &side = parameters.find("side.weight")->value, &centre = parameters.find("centre.weight")->value;
    Rng rng(seed, {name_stream("side.weight")});
    orthogonal(side, rng);
    std::ranges::copy(side.view().span(), centre.data());
}

SentenceMemory::SentenceMemory(const SentenceMemoryConfig& config, SentenceLexicon known, Start start)
    : SelectionModel(std::move(known), start),
      config_(validated(config)),
      side_(parameters_, "side", row_width(lexicon()), config.width, config.seed, {.bias = false}),
      centre_(parameters_, "centre", row_width(lexicon()), config.width, config.seed, {.bias = false}),
      start_(&parameters_.add("start", Matrix(1, config.width))),
      memory_(parameters_, "memory", config.width, memory_options(config)) {
    if (start == Start::drawn) begin_as_one(parameters_, config_.seed);
}

std::string SentenceMemory::summary() const {
    return "A KV-MemNN (Miller et al. 2016) of windows of " + std::to_string(config_.window) + " words, of width " +
           std::to_string(config_.width) + " with " + std::to_string(config_.hops) +
           (config_.hops == 1 ? " hop" : " hops");
}

namespace {

// The windows of all candidates: one around each word, and one without words of a candidate that has none.
struct Windows {
    std::vector<Index> centre;        // the row of each window's centre; the row behind the last one: none
    std::vector<Index> sides;         // the rows of the other words,
    std::vector<Index> offsets{0};    // and where those of each window begin
    std::vector<Index> sentences{0};  // where the windows of each candidate begin
    std::vector<Index> sentence_of;   // the candidate of each window
    std::vector<Index> question_of;   // its question
    std::vector<Index> questions{0};  // where the windows of each question begin

    [[nodiscard]] Index size() const { return std::ssize(centre); }
};

}  // namespace

static void add_window(Windows& windows, Index centre, Index first, Index end) {
    windows.centre.push_back(centre);
    for (Index row = first; row < end; ++row)
        if (row != centre) windows.sides.push_back(row);
    windows.offsets.push_back(std::ssize(windows.sides));
}

static Windows windows_of(const WordInputs& in, Index window) {
    const Index none = std::ssize(in.rows), around = window / 2;
    Windows windows;
    for (Index c = 0; c < in.candidates(); ++c) {
        const std::size_t at = static_cast<std::size_t>(in.questions() + c);
        const Index first = in.sequences[at], end = in.sequences[at + 1];
        for (Index row = first; row < end; ++row)
            add_window(windows, row, std::max(first, row - around), std::min(end, row + around + 1));
        if (first == end) add_window(windows, none, 0, 0);
        windows.sentence_of.resize(windows.centre.size(), c);
        windows.question_of.resize(windows.centre.size(), in.question_of[static_cast<std::size_t>(c)]);
        windows.sentences.push_back(windows.size());
    }
    for (std::size_t question = 1; question < in.lists.size(); ++question)
        windows.questions.push_back(windows.sentences[static_cast<std::size_t>(in.lists[question])]);
    return windows;
}

// The sum of the rows of each segment over the root of their number; zeros for none.
static Var bags(Var rows, std::span<const Index> offsets) {
    Matrix roots(std::ssize(offsets) - 1, 1);
    for (Index i = 0; i < roots.rows(); ++i)
        roots(i, 0) = std::sqrt(
            static_cast<Real>(offsets[static_cast<std::size_t>(i + 1)] - offsets[static_cast<std::size_t>(i)]));
    return times_rows(segment_mean(rows, offsets), rows.tape->constant(std::move(roots)));
}

// log sum exp of the numbers of each segment of x [n, 1], none of which is empty: [segments, 1].
static Var log_sums(Var x, const std::vector<Index>& offsets) {
    const Var all = padded_segments(x, offsets);
    return slice_cols(all, 0, 1) - slice_cols(log_softmax(all), 0, 1);
}

// The words of all texts, as the two dictionaries read them.
static Var words_of(const WordInputs& in, const SentenceMemoryConfig& config) {
    const Var weights = slice_cols(in.matches, ReadQuestion::match_columns - 1, 1);
    const Var words = concat_cols({take_rows(in.vectors, in.rows), in.matches * static_cast<Real>(config.exact_match)});
    return drop_rows(times_rows(words, weights), config.dropout);
}

Var SentenceMemory::scores(Tape& tape, std::span<const ReadQuestion* const> questions) const {
    const WordInputs in = word_inputs(tape, questions, lexicon(), "SentenceMemory");
    const Windows windows = windows_of(in, config_.window);
    const Var words = words_of(in, config_), sides = side_(words), centres = centre_(words);
    const Var texts = bags(sides + centres, in.sequences);  // the questions, then the candidates
    const Var sentences = slice_rows(texts, in.questions(), in.candidates());
    const Var centre = take_rows(concat_rows({centres, tape.constant(Matrix(1, config_.width))}), windows.centre);
    const Var key = centre + bags(take_rows(sides, windows.sides), windows.offsets);
    const std::vector<Index> first(static_cast<std::size_t>(in.questions()), 0);
    const Var query = slice_rows(texts, 0, in.questions()) + take_rows(tape.parameter(*start_), first);
    const OwnedSegments segments = Segments::one_query_each(windows.questions);
    const auto [state, hops] = memory_.read(query, key, take_rows(sentences, windows.sentence_of), segments);
    const auto cosines = [&](Var asked, const std::vector<Index>& question_of, Var slots) {
        return row_dots(take_rows(normalize_rows(asked), question_of), normalize_rows(slots)) *
               static_cast<Real>(config_.sharpness);
    };
    return cosines(state, in.question_of, sentences) +
           log_sums(cosines(hops.back().query, windows.question_of, key), windows.sentences);
}

const SelectionModelType& sentence_memory() {
    static const SelectionModelType type = SelectionModelType::of<SentenceMemory, SentenceMemoryConfig>(
        "of sentences: a question reads windows of words, whose values are the sentences (Miller et al. 2016)",
        usual_training);
    return type;
}

}  // namespace kvmem
