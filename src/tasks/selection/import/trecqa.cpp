// TrecQA's elements: a question and its sentences as words with tabs between them, and lines about these words.
#include "tasks/selection/import/sources.hpp"

#include <algorithm>

namespace kvmem {

namespace {

// Reads the lines of one file.
class TrecReader {
  public:
    void read(std::string_view line, const Location& location);
    // The questions that have sentences.
    std::vector<SelectionQuestion> questions();

  private:
    enum class Element { none, question, positive, negative };
    void open(std::string_view line, const Location& location);
    void take_words(std::string_view line, const Location& location);

    std::vector<SelectionQuestion> questions_;
    bool in_question_ = false;  // between the tags of the last question
    Element element_ = Element::none;
    Index opened_ = 0;  // the line of the element's tag: the words are those of the next one
};

}  // namespace

// The value of the attribute id.
static std::string id_in(std::string_view line, const Location& location) {
    const std::size_t begin = line.find_first_of("'\"");
    const std::size_t end = begin == line.npos ? line.npos : line.find(line[begin], begin + 1);
    if (end == line.npos) throw location.error("a question has no id", "<QApairs id='...'>", std::string(line));
    return std::string(line.substr(begin + 1, end - begin - 1));
}

void TrecReader::open(std::string_view line, const Location& location) {
    static constexpr std::pair<std::string_view, Element> elements[] = {
        {"<question>", Element::question}, {"<positive>", Element::positive}, {"<negative>", Element::negative}};
    if (line.starts_with("<QApairs")) {
        in_question_ = false;  // A tag without an id begins no question.
        questions_.push_back({.id = id_in(line, location), .text = ""});
        in_question_ = true;
        return;
    }
    if (line.starts_with("<?xml")) return;
    const auto at = std::ranges::find(elements, line, &std::pair<std::string_view, Element>::first);
    if (!in_question_) {
        if (at != std::end(elements))
            throw location.error("an element is in no question", "<QApairs id='...'> before it", std::string(line));
        return;
    }
    if (at == std::end(elements))
        throw location.error("a line is in no element", "<question>, <positive> or <negative>",
                             std::string(line.substr(0, 40)));
    element_ = at->second;
    opened_ = location.line;
}

void TrecReader::take_words(std::string_view line, const Location& location) {
    std::string text(line);
    std::ranges::replace(text, '\t', ' ');
    SelectionQuestion& question = questions_.back();
    if (element_ == Element::question) {
        if (!question.text.empty()) {
            in_question_ = false;  // The sentences behind it are not the first one's.
            throw location.error("a question is there twice", "one <question> in each <QApairs>", text.substr(0, 40));
        }
        question.text = text;
        return;
    }
    if (question.text.empty()) throw location.error("a sentence comes before its question", "<question> first");
    question.sentences.push_back(text);
    question.right.push_back(element_ == Element::positive);
}

void TrecReader::read(std::string_view line, const Location& location) {
    line = trim(line);
    if (line == "</QApairs>") {
        element_ = Element::none;
        in_question_ = false;
    } else if (element_ == Element::none) {
        open(line, location);
    } else if (line.starts_with("</")) {
        element_ = Element::none;
    } else if (location.line == opened_ + 1) {
        take_words(line, location);
    }
}

std::vector<SelectionQuestion> TrecReader::questions() {
    std::erase_if(questions_, [](const SelectionQuestion& q) { return q.sentences.empty(); });
    return std::move(questions_);
}

std::vector<SelectionQuestion> questions_from_trecqa(const Source& source, const SentencesImport& import) {
    TrecReader trec;
    LineReader lines(source, import.progress);
    for_each_good_line(lines, import.on_bad_line, [&](LineReader& reader) {
        std::string_view line;
        if (!reader.next(line)) return false;
        trec.read(line, reader.location());
        return true;
    });
    return trec.questions();
}

}  // namespace kvmem
