// Lines of JSON, a question each.
#include "io/strict_json.hpp"
#include "tasks/selection/import/sources.hpp"

namespace kvmem {

namespace json = boost::json;

static constexpr std::size_t max_question_bytes = std::size_t{16} << 20;

// The text of the first of these members that is there, or "".
static std::string text_of(const json::object& object, std::initializer_list<const char*> names,
                           const Location& location) {
    for (const char* name : names) {
        const json::value* value = object.if_contains(name);
        if (!value || value->is_null()) continue;
        if (value->is_string()) return std::string(value->as_string());
        if (value->is_int64() || value->is_uint64()) return json::serialize(*value);
        throw location.error(std::string("'") + name + "' is wrong", "a text");
    }
    return {};
}

static const json::array& list_of(const json::object& object, const char* name, const Location& location) {
    const json::value* value = object.if_contains(name);
    if (!value || !value->is_array()) throw location.error(std::string("'") + name + "' is missing or wrong", "a list");
    return value->as_array();
}

static SelectionQuestion question_in(std::string_view line, Index number, const Location& location) {
    const json::value value = parse_line(line, location);
    if (!value.is_object()) throw location.error("this is no question", "an object of JSON");
    const json::object& object = value.as_object();
    SelectionQuestion question{.id = text_of(object, {"id"}, location),
                               .text = text_of(object, {"question"}, location),
                               .title = text_of(object, {"title", "article"}, location),
                               .heading = text_of(object, {"heading", "section"}, location)};
    if (question.id.empty()) question.id = std::to_string(number);
    if (question.text.empty()) throw location.error("a question is missing or empty", "a text");
    for (const json::value& candidate : list_of(object, "candidates", location)) {
        if (!candidate.is_string()) throw location.error("a candidate is wrong", "a text");
        question.sentences.emplace_back(candidate.as_string());
    }
    if (question.sentences.empty()) throw location.error("a question has no candidates", "one or more");
    question.right.resize(question.sentences.size());
    for (const json::value& answer : list_of(object, "answers", location)) {
        const std::int64_t at = answer.is_int64() ? answer.as_int64() : -1;
        if (at < 0 || at >= question.size())
            throw location.error("an answer is wrong", "a number below " + std::to_string(question.size()),
                                 json::serialize(answer));
        question.right[static_cast<std::size_t>(at)] = 1;
    }
    return question;
}

std::vector<SelectionQuestion> questions_from_jsonl(const Source& source, const SentencesImport& import) {
    std::vector<SelectionQuestion> questions;
    LineReader lines(source, import.progress, max_question_bytes);
    for_each_good_line(lines, import.on_bad_line, [&](LineReader& reader) {
        std::string_view line;
        if (!reader.next(line)) return false;
        questions.push_back(question_in(line, std::ssize(questions) + 1, reader.location()));
        return true;
    });
    return questions;
}

}  // namespace kvmem
