#include "tasks/qa/documents/builder.hpp"

#include "kvmem/core/text.hpp"
#include "kvmem/text/tokenizer.hpp"
#include "tasks/qa/documents/sentences.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

namespace kvmem::documents {

// A passage ends with the sentence that reaches the first number of tokens; a sentence is cut at the second.
static constexpr Index max_passage_tokens = 200, max_sentence_tokens = 400;

// A title in one line, without characters that texts may not have.
static std::string in_one_line(std::string_view text) {
    std::string line;
    const auto blank = [&] {
        if (!line.empty() && line.back() != ' ') line += ' ';
    };
    while (!text.empty()) {
        const std::size_t end = std::min(control_character_at(text), text.size());
        for (const char c : text.substr(0, end)) {
            if (c == ' ')
                blank();
            else
                line += c;
        }
        text.remove_prefix(end);
        if (text.empty()) break;
        const auto lead = static_cast<unsigned char>(text[0]);
        text.remove_prefix(std::min<std::size_t>(lead < 0x80 ? 1 : lead == 0xc2 ? 2 : 3, text.size()));
        blank();
    }
    if (line.ends_with(' ')) line.pop_back();
    return line;
}

Builder::Builder(const DecodedText& source, File file) : source_(source) {
    file.encoding = source.encoding;
    file.bytes = source.bytes;
    TextLines lines(source.text, {});
    for (std::string_view line; lines.next(line);) {
        const Index at = line.data() - source.text.data();
        file.lines.push_back(source.in_file({at, at}).first);
    }
    file_.files.push_back(std::move(file));
}

void Builder::begin_document(std::string_view title) {
    const auto passages = static_cast<Index>(file_.passages.size());
    file_.documents.push_back({in_one_line(title), {passages, passages}});
    headings_.clear();
}

void Builder::title(std::string_view title) {
    if (file_.documents.empty()) begin_document({});
    if (!has_title()) file_.documents.back().title = in_one_line(title);
}

void Builder::heading(std::int32_t level, const MappedText& text) {
    if (file_.documents.empty()) begin_document({});
    end_headings(level);
    const auto number = static_cast<Index>(file_.passages.size());
    add_passage(PassageKind::heading, level);
    add_sentence(text, {0, static_cast<Index>(text.text.size())});
    end_passage();
    if (static_cast<Index>(file_.passages.size()) > number) headings_.push_back(number);
}

void Builder::end_headings(std::int32_t level) {
    while (!headings_.empty() && file_.passages[headings_.back()].level >= level) headings_.pop_back();
}

void Builder::passage(PassageKind kind, const MappedText& text) {
    if (file_.documents.empty()) begin_document({});
    add_passage(kind, 0);
    if (kind == PassageKind::text)
        for (const Range sentence : split_sentences(text.text)) add_sentence(text, sentence);
    else
        add_sentence(text, {0, static_cast<Index>(text.text.size())});
    end_passage();
}

void Builder::question(std::string_view text, std::span<const Range> answers) {
    Question question{in_one_line(text), static_cast<Index>(file_.documents.size()) - 1, {}};
    for (const Range answer : answers) question.answers.push_back(source_.in_file(answer));
    file_.questions.push_back(std::move(question));
}

void Builder::add_passage(PassageKind kind, std::int32_t level) {
    const auto sentences = static_cast<Index>(file_.sentences.size());
    file_.passages.push_back({kind, level, headings_.empty() ? -1 : headings_.back(), {sentences, sentences}});
}

void Builder::end_passage() {
    Passage& last = file_.passages.back();
    last.sentences.last = static_cast<Index>(file_.sentences.size());
    if (last.sentences.size() == 0)
        file_.passages.pop_back();
    else
        file_.documents.back().passages.last = static_cast<Index>(file_.passages.size());
}

// Begins another passage behind a long one.
void Builder::cut_passage() {
    const Passage last = file_.passages.back();
    if (last.sentences.first == std::ssize(file_.sentences)) return;
    const Index first = file_.sentences[last.sentences.first].tokens.first;
    if (std::ssize(file_.tokens) - first < max_passage_tokens) return;
    end_passage();
    add_passage(last.kind, last.level);
}

// The bytes of a text without blanks at its ends.
static Range without_blanks(std::string_view text, Range range) {
    const auto is_blank = [&](Index at) { return static_cast<unsigned char>(text[at]) <= ' '; };
    while (range.size() > 0 && is_blank(range.first)) ++range.first;
    while (range.size() > 0 && is_blank(range.last - 1)) --range.last;
    return range;
}

void Builder::add_sentence(const MappedText& text, Range range) {
    range = without_blanks(text.text, range);
    const std::string_view sentence = std::string_view(text.text).substr(range.first, range.size());
    const std::vector<Word> words = split_words(sentence);
    const auto count = static_cast<Index>(words.size());
    for (Index first = 0; first < count; first += max_sentence_tokens) {
        const Index last = std::min(count, first + max_sentence_tokens);
        const Index begin = first == 0 ? 0 : static_cast<Index>(words[first].begin);
        const Index end = last == count ? range.size() : static_cast<Index>(words[last].begin);
        cut_passage();
        const Range part = without_blanks(text.text, {range.first + begin, range.first + end});
        const auto text_at = static_cast<Index>(file_.text.size()), token = static_cast<Index>(file_.tokens.size());
        file_.text += std::string_view(text.text).substr(part.first, part.size());
        for (Index i = first; i < last; ++i) {
            const Range bytes = source_.in_file(text.source_of(
                {range.first + static_cast<Index>(words[i].begin), range.first + static_cast<Index>(words[i].end)}));
            file_.tokens.push_back({word(words[i].text), static_cast<std::int32_t>(bytes.size()), bytes.first});
        }
        file_.sentences.push_back({source_.in_file(text.source_of(part)),
                                   {text_at, static_cast<Index>(file_.text.size())},
                                   {token, static_cast<Index>(file_.tokens.size())}});
    }
}

Token Builder::word(const std::string& text) {
    const std::uint64_t hash = std::hash<std::string>()(text);
    Token number = numbers_.find(hash, [&](Token i) { return file_.words[i] == text; });
    if (number >= 0) return number;
    number = static_cast<Token>(file_.words.size());
    file_.words.push_back(text);
    numbers_.add(hash, number);
    return number;
}

void Builder::sort_words() {
    std::vector<Token> order(file_.words.size()), rank(file_.words.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, {}, [&](Token word) -> const std::string& { return file_.words[word]; });
    std::vector<std::string> words;
    for (const Token word : order) {
        rank[word] = static_cast<Token>(words.size());
        words.push_back(std::move(file_.words[word]));
    }
    file_.words = std::move(words);
    for (TokenSpan& token : file_.tokens) token.word = rank[token.word];
}

Collection Builder::finish() {
    file_.files.front().documents = {0, static_cast<Index>(file_.documents.size())};
    sort_words();
    return std::move(file_);
}

}  // namespace kvmem::documents
