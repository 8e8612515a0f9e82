#include "tasks/qa/documents/spans.hpp"

#include "kvmem/core/text.hpp"
#include "kvmem/text/tokenizer.hpp"
#include "text/function_words.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>

namespace kvmem::documents {

static constexpr Index max_span_tokens = 12;
static constexpr double decay = 0.8;  // of attention, a word

// Fitted on XQuAD by maximum likelihood, for all questions and for each kind. The fitting program is not part of this.
constexpr SpanScores::SharedFeatures shared_weights = {1.3,  -0.8, -2.4, 4.3,  2.2,  1.0, 1.4, -1.3,
                                                       -0.7, 1.0,  3.7,  -1.0, -1.8, 2.0, 2.6, 0.8};
constexpr SpanScores::KindFeatures kind_weights[] = {
    {-0.1, -0.8, 1.6, -0.7, -0.3, 0, 0.4, 0, -0.1, 0.1, 0.6, -0.4, 0.1, -0.1, -0.1, 0.1},          // anything
    {1.3, -1.1, -0.2, -0.9, -0.8, 0.4, 0.1, 0.3, -0.3, -1.5, 0.3, 0, -0.7, 0.5, 0.7, 2.3},         // number
    {1.8, 2.1, 0, -1.7, 0.7, 0.2, 0, 0.5, 0.3, 0.1, -0.2, 0, -2.1, 0.1, 0.3, 1.6},                 // date
    {-0.8, -0.3, 2.3, -1.6, -0.9, 1.2, -0.1, -0.8, -0.6, 0, 0.8, -0.3, 0.1, -0.2, 0.7, -0.4},      // name
    {-0.6, -0.8, 1.2, -1.0, 0.9, 0.1, -0.3, -0.1, 0.1, -0.4, -0.1, -0.2, -0.6, -0.3, -0.7, -0.5},  // place
    {-0.2, -0.2, -0.6, 0.2, -0.2, -0.1, -0.4, -0.1, 0.6, 0.4, -0.5, 0.2, -0.1, 0, -0.3, -0.3},     // reason
};

using Words = std::span<const std::string_view>;

static bool is_one_of(std::string_view word, Words words) { return std::ranges::binary_search(words, word); }

// Rising by bytes.
static constexpr std::string_view numerals[] = {"billion",  "dozen",   "eight",    "eleven", "five",   "four", "half",
                                                "hundred",  "million", "nine",     "one",    "seven",  "six",  "ten",
                                                "thousand", "three",   "trillion", "twelve", "twenty", "two",  "zero"};
static constexpr std::string_view dates[] = {
    "ad",         "april",    "august",    "bc",          "bce",       "centuries", "century", "december",
    "eighteenth", "february", "january",   "july",        "june",      "march",     "may",     "nineteenth",
    "november",   "october",  "september", "seventeenth", "sixteenth", "twentieth"};
static constexpr std::string_view place_cues[] = {"across", "at", "from", "in", "near", "on", "since", "until"};
static constexpr std::string_view copulas[] = {"are", "as",  "be",   "became", "become", "been", "called",
                                               "had", "has", "have", "is",     "named",  "was",  "were"};
static constexpr std::string_view cause_cues[] = {"because", "for", "to"};

SpanScores::SpanScores(const FoundPassages& part, Index passages, std::span<const std::int16_t> term_of,
                       const Query& query)
    : part_(part), corpus_(*part.corpus), passages_(passages), term_of_(term_of), query_(query) {}

// Years, such as "1976" and "1970s", and dates that begin with one: "2004-03-05".
static bool is_year(std::string_view word) {
    return word.size() >= 4 && (word[0] == '1' || word[0] == '2') && std::ranges::all_of(word.substr(0, 4), is_digit) &&
           (word.size() == 4 || word[4] == '-' || word.substr(4) == "s");
}

// Whether no span goes across the text between two words.
static bool separates(std::string_view gap) {
    static constexpr std::string_view signs[] = {" -", "\u2013", "\u2014", "\u201c", "\u201d"};
    return gap.find_first_of(";:()[]{}\"?!\n|/") != gap.npos ||
           std::ranges::any_of(signs, [=](std::string_view sign) { return gap.find(sign) != gap.npos; });
}

SpanScores::Mark SpanScores::mark_of(Index token, std::string_view spelled, std::string_view gap,
                                     bool after_digit) const {
    const Token stem = (*part_.stems)[token];
    const std::string& word = corpus_.collection.words[corpus_.collection.tokens[token].word];
    Mark mark{.word = word, .term = term_of_[stem], .function = is_function_word(word)};
    mark.number = is_digit(word[0]) || is_one_of(word, numerals);
    mark.date = is_year(word) || is_one_of(word, dates);
    mark.capital = spelled != word && !is_digit(word[0]);
    mark.soft = gap.find(',') != gap.npos;
    mark.hard = separates(gap);
    mark.joined = after_digit && is_digit(word[0]) && gap.size() == 1 && std::string_view(",.:'").find(gap) != gap.npos;
    if (mark.joined) mark.soft = mark.hard = false;
    if (!mark.function && mark.term < 0) {
        const auto all = static_cast<double>(passages_);
        const auto with = static_cast<double>(part_.frequency(stem));
        mark.rarity = std::log(1 + all / (with + 0.5)) / std::log(2 + all);
    }
    return mark;
}

void SpanScores::mark() {
    const Sentence& sentence = *sentence_;
    text_ = corpus_.collection.text_of(sentence);
    words_ = split_words(text_);
    marks_.clear();
    if (std::ssize(words_) != sentence.tokens.size()) return;  // where a long sentence was cut
    std::size_t end = 0;
    for (Index i = 0; i < std::ssize(words_); ++i) {
        const Word& word = words_[i];
        marks_.push_back(mark_of(sentence.tokens.first + i, text_.substr(word.begin, word.end - word.begin),
                                 text_.substr(end, word.begin - end), end > 0 && is_digit(text_[end - 1])));
        end = word.end;
    }
}

// What the words of the question give to each place, from the nearest one on either side.
void SpanScores::attend() {
    const Index count = std::ssize(marks_);
    std::vector<double> near(query_.terms.size());
    const auto pass = [&](Index from, Index step, double Mark::*side) {
        std::ranges::fill(near, 0);
        for (Index i = from; 0 <= i && i < count; i += step) {
            double sum = 0;
            for (double& one : near) sum += one, one *= decay;
            marks_[i].*side = sum / query_.sum;
            if (const Index term = marks_[i].term; term >= 0) near[term] = query_.terms[term].weight;
        }
    };
    pass(0, 1, &Mark::left);
    pass(count - 1, -1, &Mark::right);
}

// What stands around a span.
struct SpanScores::Edges {
    const Mark &before, &behind;
    bool begins, ends;  // whether the span begins and ends the sentence

    std::span<const Mark> inside;

    [[nodiscard]] bool opens() const { return begins || inside.front().soft || inside.front().hard; }
    [[nodiscard]] bool closes() const { return ends || behind.soft || behind.hard; }

    // How many words of the span are so.
    template <class Is>
    [[nodiscard]] double count(Is is) const {
        return static_cast<double>(std::ranges::count_if(inside, is));
    }
};

static double number_of(bool holds) { return holds ? 1 : 0; }

SpanScores::SharedFeatures SpanScores::shared_features(const Edges& span) const {
    const Mark &head = span.inside.front(), &tail = span.inside.back();
    const auto size = static_cast<double>(span.inside.size());
    double matched = 0, rarity = 0;
    for (const Mark& one : span.inside) {
        if (one.term >= 0) matched += query_.terms[one.term].weight / query_.sum;
        rarity += one.rarity;
    }
    const auto is_asked = [&](const Mark& m) { return m.term >= 0 && m.term == query_.asked; };
    const auto limits = [](const Mark& m) { return m.function || m.term >= 0; };
    return {std::log(size),
            size / 4,
            matched,
            head.left,
            tail.right,
            number_of(span.opens() || limits(span.before)),
            number_of(span.closes() || limits(span.behind)),
            span.count([&](const Mark& m) { return &m != &head && m.soft; }),
            span.count([](const Mark& m) { return m.function; }),
            span.count([](const Mark& m) { return m.word == "of"; }),
            rarity / size,
            number_of(!span.opens() && span.before.capital && head.capital),
            number_of(!span.closes() && span.behind.capital && tail.capital),
            number_of(span.count(is_asked) > 0),
            number_of(is_asked(span.behind)),
            number_of(is_asked(span.before))};
}

SpanScores::KindFeatures SpanScores::kind_features(const Edges& span) {
    const Mark& head = span.inside.front();
    const auto is_name = [](const Mark& m) { return m.capital || m.function; };
    const auto is_content = [](const Mark& m) { return m.term >= 0 && !m.function; };
    return {number_of(span.count([](const Mark& m) { return m.number; }) > 0),
            number_of(span.count([](const Mark& m) { return m.date; }) > 0),
            number_of(head.capital && std::ranges::all_of(span.inside, is_name)),
            number_of(!head.capital && !head.number),
            number_of(is_one_of(span.before.word, place_cues)),
            number_of(span.before.word == "by"),
            number_of(is_one_of(span.before.word, copulas)),
            number_of(span.before.word == "of"),
            number_of(is_one_of(span.before.word, cause_cues)),
            number_of(span.opens() && span.closes()),
            number_of(is_one_of(span.behind.word, copulas)),
            number_of(span.begins),
            number_of(head.number && span.inside.size() > 1),
            number_of(is_content(span.before)),
            number_of(is_content(span.behind)),
            number_of(head.number)};
}

void SpanScores::add(Range span) {
    static const Mark none{};
    const bool begins = span.first == 0, ends = span.last == std::ssize(marks_);
    const Edges edges{begins ? none : marks_[span.first - 1], ends ? none : marks_[span.last], begins, ends,
                      std::span(marks_).subspan(span.first, span.size())};
    const SharedFeatures of_all = shared_features(edges);
    const KindFeatures of_kind = kind_features(edges);
    const KindFeatures& weights = kind_weights[static_cast<std::size_t>(query_.expected)];
    scores_.push_back(std::inner_product(of_all.begin(), of_all.end(), shared_weights.begin(), 0.0) +
                      std::inner_product(of_kind.begin(), of_kind.end(), weights.begin(), 0.0));
    spans_.push_back(span);
}

void SpanScores::read(const Sentence& sentence) {
    sentence_ = &sentence;
    spans_.clear(), scores_.clear();
    mark();
    attend();
    for (Index first = 0; first < std::ssize(marks_); ++first) {
        if (marks_[first].function || marks_[first].joined) continue;
        for (Index last = first + 1; last <= std::min(std::ssize(marks_), first + max_span_tokens); ++last) {
            if (last > first + 1 && marks_[last - 1].hard) break;
            const bool cuts_number = last < std::ssize(marks_) && marks_[last].joined;
            if (!marks_[last - 1].function && !cuts_number) add({first, last});
        }
    }
}

// Counts the bytes of a sign that belongs to the number before or behind it. There are 0 without a sign, and where the
// file has other bytes in this gap than the text.
Index SpanScores::sign_size(Index gap, bool before, std::span<const std::string_view> signs) const {
    const auto tokens = std::span(corpus_.collection.tokens).subspan(sentence_->tokens.first, words_.size());
    const bool first = gap == 0, last = gap == std::ssize(words_);
    const Index text_first = first ? 0 : words_[gap - 1].end, text_last = last ? std::ssize(text_) : words_[gap].begin;
    const Index file_first = first ? sentence_->bytes.first : tokens[gap - 1].end();
    const Index file_last = last ? sentence_->bytes.last : tokens[gap].begin;
    if (text_last - text_first != file_last - file_first) return 0;
    const std::string_view between = text_.substr(text_first, text_last - text_first);
    for (const std::string_view sign : signs)
        if (before ? between.ends_with(sign) : between.starts_with(sign)) return std::ssize(sign);
    return 0;
}

AnswerSpan SpanScores::answer_of(Range span) const {
    static constexpr std::string_view before[] = {"$", "\u00a3", "\u20ac", "\u00a5", "\u2212"},
                                      behind[] = {"%", "\u00b0"};
    const auto tokens = std::span(corpus_.collection.tokens).subspan(sentence_->tokens.first, words_.size());
    const Index left = sign_size(span.first, true, before), right = sign_size(span.last, false, behind);
    const Index text = sentence_->text.first;
    return {{tokens[span.first].begin - left, tokens[span.last - 1].end() + right},
            {text + static_cast<Index>(words_[span.first].begin) - left,
             text + static_cast<Index>(words_[span.last - 1].end) + right}};
}

std::optional<AnswerSpan> SpanScores::best(const Sentence& sentence) {
    if (query_.expected == Expected::manner) return std::nullopt;
    read(sentence);
    if (spans_.empty()) return std::nullopt;
    const std::size_t best = std::ranges::max_element(scores_) - scores_.begin();
    const Range of = spans_[best];
    double sum = 0, common = 0;
    for (std::size_t i = 0; i < spans_.size(); ++i) {
        const double weight = std::exp(scores_[i] - scores_[best]);
        const Index both = std::min(of.last, spans_[i].last) - std::max(of.first, spans_[i].first);
        sum += weight;
        common += weight * 2 * static_cast<double>(std::max<Index>(both, 0)) /
                  static_cast<double>(of.size() + spans_[i].size());
    }
    AnswerSpan answer = answer_of(of);
    answer.confidence = common / sum;
    return answer;
}

}  // namespace kvmem::documents
