// What questions want and candidates have: rules for English, whose weights are learned.
#include "tasks/selection/features.hpp"

#include "kvmem/core/text.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace kvmem {

namespace {

// A word of a candidate where it stands.
struct Place {
    std::string_view word;     // in lower case
    std::string_view written;  // as the text has it
    std::string_view before;   // the word before, in lower case, or ""
    char behind;               // the byte behind the word, or ' '
    bool is_first;
};

struct Kind {
    const char* name;
    bool is_new;  // counts only for words that the question lacks
    bool (*has)(const Place& place);
};

}  // namespace

template <std::size_t n>
static bool is_one_of(std::string_view word, const std::array<std::string_view, n>& words) {
    return std::ranges::find(words, word) != words.end();
}

static bool is_number(const Place& p) { return is_digit(p.word[0]) || (p.word == "num" && p.behind == '>'); }
static bool is_year(const Place& p) {
    return p.word.size() == 4 && std::ranges::all_of(p.word, is_digit) && (p.word[0] == '1' || p.word[0] == '2');
}
static bool is_capital(std::string_view written) { return 'A' <= written[0] && written[0] <= 'Z'; }

static constexpr auto dates = std::to_array<std::string_view>(
    {"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
     "december", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"});
static constexpr auto number_words = std::to_array<std::string_view>(
    {"one",      "two",      "three",   "four",    "five",      "six",      "seven", "eight", "nine",
     "ten",      "eleven",   "twelve",  "dozen",   "twenty",    "thirty",   "forty", "fifty", "hundred",
     "hundreds", "thousand", "million", "billion", "thousands", "millions", "half",  "twice", "once"});
static constexpr auto units = std::to_array<std::string_view>(
    {"percent", "dollars", "dollar", "years", "year", "months", "days", "hours", "minutes", "miles", "km", "feet",
     "meters", "metres", "people", "pounds", "inches"});
static constexpr auto places =
    std::to_array<std::string_view>({"in", "at", "near", "from", "to", "of", "between", "across", "around"});
static constexpr auto causes = std::to_array<std::string_view>(
    {"because", "due", "since", "therefore", "thus", "cause", "caused", "reason", "result", "led"});
static constexpr auto copulas = std::to_array<std::string_view>({"is", "are", "was", "were", "refers"});
static constexpr auto roles =
    std::to_array<std::string_view>({"president", "king", "queen", "director", "author", "founder", "leader", "singer",
                                     "actor", "writer", "born", "professor", "minister", "general"});
static constexpr auto ways = std::to_array<std::string_view>({"by", "through", "using", "via", "with", "into"});

static constexpr Kind kinds[] = {
    {"number", true, is_number},
    {"year", true, is_year},
    {"date", true, [](const Place& p) { return is_one_of(p.word, dates) && is_capital(p.written); }},
    {"number word", true, [](const Place& p) { return is_one_of(p.word, number_words); }},
    {"unit", true, [](const Place& p) { return is_one_of(p.word, units) || p.behind == '%'; }},
    {"name", true, [](const Place& p) { return !p.is_first && is_capital(p.written); }},
    {"first name", true, [](const Place& p) { return p.is_first && is_capital(p.written) && p.written.size() > 3; }},
    {"capitals", true,
     [](const Place& p) {
         return p.written.size() > 1 && std::ranges::all_of(p.written, [](char c) { return 'A' <= c && c <= 'Z'; });
     }},
    {"place", true, [](const Place& p) { return is_capital(p.written) && is_one_of(p.before, places); }},
    {"role", false, [](const Place& p) { return is_one_of(p.word, roles); }},
    {"cause", false, [](const Place& p) { return is_one_of(p.word, causes); }},
    {"way", false, [](const Place& p) { return is_one_of(p.word, ways); }},
    {"what it is", false,
     [](const Place& p) {
         return (p.word == "a" || p.word == "an" || p.word == "the") && is_one_of(p.before, copulas);
     }},
    {"brackets", false, [](const Place& p) { return p.behind == ')'; }},
    {"quotes", false, [](const Place& p) { return p.behind == '"'; }},
    {"list", false, [](const Place& p) { return p.behind == ',' && is_capital(p.written); }},
};

std::span<const char* const> kind_names() {
    static const std::vector<const char*> names = [] {
        std::vector<const char*> all;
        for (const Kind& kind : kinds) all.push_back(kind.name);
        return all;
    }();
    return names;
}

static Place place_of(const WordList& list, const ListedText& text, std::size_t i) {
    const auto& [begin, end] = text.places[i];
    return {.word = list.words[text.words[i]].text,
            .written = text.text.substr(begin, end - begin),
            .before = i > 0 ? std::string_view(list.words[text.words[i - 1]].text) : "",
            .behind = end < text.text.size() ? text.text[end] : ' ',
            .is_first = i == 0};
}

Matrix kinds_of(const FeatureSource& source) {
    std::vector<bool> in_question(source.list.stems.size());
    for (const Token word : source.question().words) in_question[source.list.words[word].stem] = true;
    Matrix found(source.size(), std::ssize(kinds));
    for (Index c = 0; c < source.size(); ++c) {
        const ListedText& text = source.candidate(c);
        for (std::size_t i = 0; i < text.words.size(); ++i) {
            const Place place = place_of(source.list, text, i);
            const bool is_new = !in_question[source.list.words[text.words[i]].stem];
            for (Index k = 0; k < std::ssize(kinds); ++k)
                if ((is_new || !kinds[k].is_new) && kinds[k].has(place)) found(c, k) = 1;
        }
    }
    return found;
}

static constexpr const char* classes[] = {"other", "who", "when",     "where",    "why",     "what",
                                          "which", "how", "how many", "how much", "how long"};

std::span<const char* const> class_names() { return classes; }

// The class of a question word and the word behind it.
static Index class_of(std::string_view word, std::string_view next) {
    if (word == "whom" || word == "whose") word = "who";
    if (word == "how" && (next == "many" || next == "much")) return next == "many" ? 8 : 9;
    if (word == "how" && (next == "long" || next == "old" || next == "far" || next == "tall" || next == "high" ||
                          next == "large" || next == "big" || next == "often"))
        return 10;
    const auto at = std::find(std::begin(classes) + 1, std::end(classes), word);
    return at == std::end(classes) ? 0 : at - std::begin(classes);
}

void take_class(const WordList& list, const ListedText& question, ReadQuestion& read) {
    constexpr std::size_t focus_words = 3;
    const std::vector<Token>& words = question.words;
    std::size_t at = 0;
    for (; at < words.size(); ++at) {
        const std::string_view next = at + 1 < words.size() ? std::string_view(list.words[words[at + 1]].text) : "";
        read.question_class = class_of(list.words[words[at]].text, next);
        if (read.question_class > 0) break;
    }
    if (at == words.size()) at = 0;
    for (std::size_t i = at + 1; i < words.size() && read.focus.size() < focus_words; ++i)
        if (!list.words[words[i]].is_function) read.focus.push_back(words[i]);
}

}  // namespace kvmem
