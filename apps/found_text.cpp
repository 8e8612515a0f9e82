#include "found_text.hpp"

#include "kvmem/core/text.hpp"
#include "kvmem/io/json_text.hpp"
#include "program.hpp"

#include <algorithm>
#include <ostream>

namespace kvmem::apps {

using namespace documents;

// Text in one line: blanks and line ends become a space.
static std::string in_one_line(std::string_view text) {
    std::string line;
    for (const char c : text) {
        const bool is_blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
        if (!is_blank)
            line += c;
        else if (!line.empty() && line.back() != ' ')
            line += ' ';
    }
    return line;
}

// The text and the bytes of an answer: those of its span, or of its sentence.
static std::string_view text_of(const Collection& all, const FoundAnswer& answer) {
    const documents::Range text = answer.span ? answer.span->text : all.sentences[answer.sentence].text;
    return std::string_view(all.text).substr(text.first, text.size());
}
static documents::Range bytes_of(const Collection& all, const FoundAnswer& answer) {
    return answer.span ? answer.span->bytes : all.sentences[answer.sentence].bytes;
}

// "films.md:12:5"
static std::string place(const Corpus& corpus, const FoundAnswer& answer) {
    const File& file = corpus.collection.files[answer.file];
    const auto [line, column] = Collection::place_of(file, bytes_of(corpus.collection, answer).first);
    return file.path + ":" + std::to_string(line) + ":" + std::to_string(column);
}

// The headings above a passage, the nearest last.
static std::vector<std::string> headings(const Collection& all, Index passage) {
    std::vector<std::string> names;
    for (Index h = all.passages[passage].heading; h >= 0; h = all.passages[h].heading)
        names.push_back(in_one_line(all.text_of(all.sentences[all.passages[h].sentences.first])));
    std::ranges::reverse(names);
    return names;
}

// The text around an answer in its passage, with the answer marked. A long passage is shown in part.
static std::string marked_passage(const Collection& all, const FoundAnswer& answer) {
    static constexpr Index neighbours = 2;
    const documents::Range sentences = all.passages[answer.passage].sentences;
    const Index first = std::max(sentences.first, answer.sentence - neighbours);
    const Index last = std::min(sentences.last, answer.sentence + neighbours + 1);
    std::string text = first > sentences.first ? "... " : "";
    for (Index s = first; s < last; ++s) {
        std::string sentence(all.text_of(all.sentences[s]));
        if (s == answer.sentence) {
            const std::string_view marked = text_of(all, answer);
            const auto at = static_cast<std::size_t>(marked.data() - all.text_of(all.sentences[s]).data());
            sentence.insert(at + marked.size(), "»").insert(at, "«");
        }
        text += (s > first ? " " : "") + in_one_line(sentence);
    }
    return text + (last < sentences.last ? " ..." : "");
}

// "Scotty 62%, elevators 30%": the words that count, the heaviest first.
static std::string word_weights(const Findings& found, const FoundAnswer& answer) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < found.words.size(); ++i)
        if (answer.weights[i] >= 0.01) order.push_back(i);
    std::ranges::stable_sort(order, std::greater(), [&](std::size_t i) { return answer.weights[i]; });
    std::vector<std::string> words;
    for (const std::size_t i : order) words.push_back(printable(found.words[i]) + " " + percent(answer.weights[i]));
    return joined(words);
}

static void print_answer(std::ostream& out, const Corpus& corpus, const Findings& found, const FoundAnswer& answer) {
    const Collection& all = corpus.collection;
    std::vector<std::string> names = headings(all, answer.passage);
    const std::string& title = all.documents[answer.document].title;
    if (!title.empty() && (names.empty() || names.front() != title)) names.insert(names.begin(), title);
    out << printable(in_one_line(text_of(all, answer))) << "\n"
        << "  " << printable(place(corpus, answer)) << "  " << printable(joined(names, " > "))
        << formatted("  confidence %.2f", answer.confidence)
        << (answer.span ? formatted(", of the span %.2f", answer.span->confidence) : "") << "\n";
    if (answer.span || all.passages[answer.passage].sentences.size() > 1)
        out << "  " << printable(marked_passage(all, answer)) << "\n";
    out << "  words: " << word_weights(found, answer) << "\n";
}

void print(std::ostream& out, const Corpus& corpus, const Findings& found) {
    for (const auto& [word, read_as] : found.respelled)
        out << "read \"" << printable(word) << "\" as \"" << printable(read_as) << "\"\n";
    if (const std::vector<std::string> answers = short_answers(corpus.collection, found); answers.size() > 1)
        out << plural(std::ssize(answers), "answer") << ": " << printable(in_one_line(joined(answers, "; "))) << "\n\n";
    if (!found.answered) out << "nothing here answers that" << (found.answers.empty() ? "\n" : "; nearest is\n");
    for (const FoundAnswer& answer : found.answers) {
        if (&answer != &found.answers.front()) out << "\n";
        print_answer(out, corpus, found, answer);
        if (!found.answered) return;
    }
}

static boost::json::object span_json(const Collection& all, const File& file, const FoundAnswer& answer) {
    const documents::Range bytes = answer.span->bytes;
    const auto [line, column] = Collection::place_of(file, bytes.first);
    return {{"text", text_of(all, answer)},
            {"begin", bytes.first},
            {"end", bytes.last},
            {"line", line},
            {"column", column},
            {"confidence", answer.span->confidence}};
}

static boost::json::object to_json(const Corpus& corpus, const FoundAnswer& answer) {
    const Collection& all = corpus.collection;
    const Sentence& sentence = all.sentences[answer.sentence];
    const documents::Range passage = all.passages[answer.passage].sentences;
    const File& file = all.files[answer.file];
    const auto [line, column] = Collection::place_of(file, sentence.bytes.first);
    std::string text;
    for (Index s = passage.first; s < passage.last; ++s)
        text += (s > passage.first ? " " : "") + std::string(all.text_of(all.sentences[s]));
    boost::json::object object{{"text", all.text_of(sentence)},
                               {"file", as_utf8(file.path)},
                               {"begin", sentence.bytes.first},
                               {"end", sentence.bytes.last},
                               {"line", line},
                               {"column", column},
                               {"title", all.documents[answer.document].title},
                               {"headings", boost::json::value_from(headings(all, answer.passage))},
                               {"passage", text},
                               {"confidence", answer.confidence},
                               {"weights", boost::json::value_from(answer.weights)}};
    if (answer.span) object["span"] = span_json(all, file, answer);
    return object;
}

boost::json::object to_json(const std::string& question, const Corpus& corpus, const Findings& found) {
    boost::json::array answers;
    for (const FoundAnswer& answer : found.answers) answers.push_back(to_json(corpus, answer));
    boost::json::object respelled;
    for (const auto& [word, read_as] : found.respelled) respelled[word] = read_as;
    return {{"question", question},
            {"answered", found.answered},
            {"words", boost::json::value_from(found.words)},
            {"respelled", std::move(respelled)},
            {"short_answers", boost::json::value_from(short_answers(corpus.collection, found))},
            {"answers", std::move(answers)}};
}

std::string json_line(const std::string& question, const documents::Corpus& corpus, const documents::Findings& found) {
    return with_plain_numbers(boost::json::serialize(to_json(question, corpus, found)));
}

}  // namespace kvmem::apps
