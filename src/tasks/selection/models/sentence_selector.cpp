#include "kvmem/tasks/selection/models/sentence_selector.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/nn/layers.hpp"
#include "nn/members.hpp"
#include "nn/row_ops.hpp"
#include "tasks/selection/model_type.hpp"
#include "tasks/selection/models/word_inputs.hpp"

#include <cmath>
#include <optional>

namespace kvmem {

static Index features() { return std::ssize(feature_names()); }
static Index kinds() { return std::ssize(kind_names()); }
static Index classes() { return std::ssize(class_names()); }

// A network of the mean.
struct SentenceSelector::Member {
    std::optional<Linear> gate, map, compare, window, pooled;
    Linear linear;
    std::optional<Linear> hidden, hidden_out;
    Linear wanted;  // kinds, by class and focus
    Parameter* sharpness;

    Member(Parameters& parameters, const std::string& name, const SentenceSelectorConfig& c, Index word_width);
};

SentenceSelector::Member::Member(Parameters& parameters, const std::string& name, const SentenceSelectorConfig& c,
                                 Index word_width)
    : linear(parameters, name + ".features", kvmem::features(), 1, c.seed, {.bias = false}),
      wanted(parameters, name + ".wanted", classes() + word_width, kinds(), c.seed, {.bias = false}),
      sharpness(&parameters.add(name + ".sharpness", Matrix(1, 1))) {
    sharpness->value(0, 0) = 1;
    if (c.features > 0) {
        hidden.emplace(parameters, name + ".hidden", kvmem::features() + kinds() + classes(), c.features, c.seed);
        hidden_out.emplace(parameters, name + ".hidden-out", c.features, 1, c.seed, LinearOptions{.bias = false});
    }
    if (!c.compare) return;
    gate.emplace(parameters, name + ".gate", word_width, c.width, c.seed);
    map.emplace(parameters, name + ".map", word_width, c.width, c.seed);
    compare.emplace(parameters, name + ".compare", 2 * c.width + ReadQuestion::match_columns, c.width, c.seed);
    window.emplace(parameters, name + ".window", 3 * c.width, c.width, c.seed);
    pooled.emplace(parameters, name + ".pooled", 2 * c.width, 1, c.seed, LinearOptions{.bias = false});
}

// A batch of questions as constants of a tape. Row 0 of mapped words is the slot of zeros.
struct SentenceSelector::Inputs {
    Var vectors, matches, features, kinds, asked;
    std::vector<Index> question_rows{}, candidate_rows{};  // of words; those of a question begin with the slot of zeros
    OwnedSegments segments{{0}, {0}};                      // candidates' words see the question
    std::vector<Index> sentences{0};                       // where the words of each candidate begin
    std::vector<Index> before{}, behind{};                 // the rows of neighbours in a sentence, from 1; 0: none
    std::vector<Index> question_of{};                      // of each candidate
    std::vector<Index> lists{0};                           // where the candidates of each question begin

    void add_words(const ReadQuestion& question, Index first_word);
};

void SentenceSelector::Inputs::add_words(const ReadQuestion& question, Index first_word) {
    question_rows.push_back(0);
    for (const Token word : question.words[0]) question_rows.push_back(1 + first_word + word);
    for (Index c = 0; c < question.size(); ++c) {
        const Index first = std::ssize(candidate_rows), end = first + std::ssize(question.words[c + 1]);
        for (const Token word : question.words[c + 1]) candidate_rows.push_back(1 + first_word + word);
        for (Index row = first; row < end; ++row) {
            before.push_back(row > first ? row : 0);
            behind.push_back(row + 1 < end ? row + 2 : 0);
        }
        sentences.push_back(std::ssize(candidate_rows));
        question_of.push_back(std::ssize(lists) - 1);
    }
    segments.query_offsets.push_back(std::ssize(candidate_rows));
    segments.slot_offsets.push_back(std::ssize(question_rows));
    lists.push_back(lists.back() + question.size());
}

SentenceSelector::~SentenceSelector() = default;

SentenceSelector::SentenceSelector(const SentenceSelectorConfig& config, SentenceLexicon lexicon, Start start)
    : SelectionModel(std::move(lexicon), start), config_(validated(config)) {
    mean_ = &parameters_.add("feature-mean", Matrix(1, features()));
    scale_ = &parameters_.add("feature-scale", Matrix(1, features()));
    mean_->trainable = scale_->trainable = false;
    for (Index i = 0; i < config_.members; ++i)
        members_.emplace_back(parameters_, "member-" + std::to_string(i + 1), config_, this->lexicon().width());
}

std::string SentenceSelector::summary() const {
    return "A sentence selector of width " + std::to_string(config_.width) + ", the mean of " +
           std::to_string(config_.members) + (config_.members == 1 ? " network" : " networks");
}

void SentenceSelector::prepare(std::span<const ReadQuestion> training) {
    for (Index f = 0; f < features(); ++f) {
        double sum = 0, squares = 0, count = 0;
        for (const ReadQuestion& question : training)
            for (Index c = 0; c < question.size(); ++c, ++count) {
                const double value = question.features(c, f);
                sum += value;
                squares += value * value;
            }
        const double mean = sum / std::max(1.0, count), variance = squares / std::max(1.0, count) - mean * mean;
        mean_->value(0, f) = static_cast<Real>(mean);
        scale_->value(0, f) = static_cast<Real>(variance > 1e-6 ? 1 / std::sqrt(variance) : 0);
    }
}

// The class of each question as a row with one 1, and the mean vector of its focus.
static Matrix asked_of(std::span<const ReadQuestion* const> questions, ConstView vectors) {
    Matrix asked(std::ssize(questions), classes() + vectors.cols);
    Index first = 0;
    for (Index i = 0; i < asked.rows(); ++i) {
        const ReadQuestion& question = *questions[i];
        asked(i, question.question_class) = 1;
        for (const Token word : question.focus)
            for (Index d = 0; d < vectors.cols; ++d)
                asked(i, classes() + d) += vectors(first + word, d) / static_cast<Real>(question.focus.size());
        first += std::ssize(question.rows);
    }
    return asked;
}

SentenceSelector::Inputs SentenceSelector::inputs(Tape& tape, std::span<const ReadQuestion* const> questions) const {
    require_shape(!questions.empty(), "SentenceSelector", "one question or more");
    Inputs in;
    Index words = 0;
    for (const ReadQuestion* question : questions) {
        in.add_words(*question, words);
        words += std::ssize(question->rows);
    }
    Matrix vectors = stacked_vectors(questions, lexicon());
    Matrix measured = stacked(questions, &ReadQuestion::features);
    for (Index c = 0; c < measured.rows(); ++c)
        for (Index f = 0; f < measured.cols(); ++f)
            measured(c, f) = (measured(c, f) - mean_->value(0, f)) * scale_->value(0, f);
    in.asked = tape.constant(asked_of(questions, vectors));
    in.vectors = vector_inputs(tape, std::move(vectors));
    in.matches = tape.constant(stacked(questions, &ReadQuestion::matches));
    in.features = tape.constant(std::move(measured));
    in.kinds = tape.constant(stacked(questions, &ReadQuestion::kinds));
    return in;
}

Var SentenceSelector::compared(const Member& member, const Inputs& in) const {
    Tape& tape = *in.vectors.tape;
    const Var mapped = sigmoid((*member.gate)(in.vectors)) * tanh((*member.map)(in.vectors));
    const Var words = concat_rows({tape.constant(Matrix(1, mapped.cols())), dropout(mapped, config_.dropout)});
    const Var question = take_rows(words, in.question_rows), candidates = take_rows(words, in.candidate_rows);
    const Var read =
        attend(candidates, question, question, in.segments, {}, {.scale = tape.parameter(*member.sharpness)}).read;
    const Var apart = candidates - read;
    const Var compared = relu((*member.compare)(concat_cols({candidates * read, apart * apart, in.matches})));
    const Var padded = concat_rows({tape.constant(Matrix(1, compared.cols())), compared});
    const Var windows =
        relu((*member.window)(concat_cols({take_rows(padded, in.before), compared, take_rows(padded, in.behind)})));
    const Var pooled = concat_cols({segment_max(windows, in.sentences), segment_mean(windows, in.sentences)});
    return (*member.pooled)(dropout(pooled, config_.dropout));
}

Var SentenceSelector::member_scores(const Member& member, const Inputs& in) const {
    const Var seen = dropout(in.features, config_.dropout);
    Var scores = member.linear(seen);
    if (member.hidden) {
        const Var asked = slice_cols(take_rows(in.asked, in.question_of), 0, classes());
        const Var hidden = tanh((*member.hidden)(concat_cols({seen, in.kinds, asked})));
        scores = scores + (*member.hidden_out)(dropout(hidden, config_.dropout));
    }
    const Var wanted = take_rows(member.wanted(dropout(in.asked, config_.dropout)), in.question_of);
    scores = scores + row_dots(wanted, in.kinds);
    return member.compare ? scores + compared(member, in) : scores;
}

Var SentenceSelector::scores(Tape& tape, std::span<const ReadQuestion* const> questions) const {
    const Inputs in = inputs(tape, questions);
    return mean_over(members_, [&](const Member& member) { return member_scores(member, in); });
}

Var SentenceSelector::loss(Tape& tape, std::span<const ReadQuestion* const> questions) const {
    const Inputs in = inputs(tape, questions);
    return mean_over(members_,
                     [&](const Member& member) { return listwise_loss(member_scores(member, in), questions); });
}

const SelectionModelType& sentence_selector() {
    static const SelectionModelType type = SelectionModelType::of<SentenceSelector, SentenceSelectorConfig>(
        "the words of each candidate attend over the question's, with features of both; candidates under one softmax",
        usual_training);
    return type;
}

}  // namespace kvmem
