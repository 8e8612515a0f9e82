// kvmem predict RUN: JSON lines in, JSON lines out.
#include "answer_text.hpp"
#include "kvmem/io/json_text.hpp"
#include "line_reader.hpp"
#include "model_source.hpp"
#include "program.hpp"

#include <iostream>

namespace kvmem::apps {

namespace json = boost::json;

static const char* const about =
    "Reads JSON lines {\"question\": text} from stdin and writes a line for each: the answer, its candidates and the\n"
    "memories read. A question may bring slots of its own, and an \"id\" that is given back as it is written: "
    "\"memory\":\n"
    "[{\"key\", \"value\"}]. A slot without \"value\" is a sentence of a story. A line has 16 MiB at most.";

static std::string text_member(const json::object& object, const char* name, const std::string& where) {
    const json::value* value = object.if_contains(name);
    if (!value || !value->is_string())
        throw Error({.what = std::string("bad \"") + name + "\"",
                     .expected = "a text",
                     .got = value ? json::serialize(*value).substr(0, 40) : "none",
                     .where = where});
    return std::string(value->as_string());
}

static const json::object& object_of(const json::value& value, const std::string& where) {
    if (!value.is_object())
        throw Error({.what = "bad line",
                     .expected = "a JSON object",
                     .got = json::serialize(value).substr(0, 40),
                     .where = where});
    return value.as_object();
}

static std::vector<TextSlot> own_slots(const json::object& line, const std::string& where) {
    std::vector<TextSlot> slots;
    const json::value* memory = line.if_contains("memory");
    if (!memory) return slots;
    if (!memory->is_array()) throw Error({.what = "bad \"memory\"", .expected = "an array", .where = where});
    for (const json::value& slot : memory->as_array()) {
        const json::object& object = object_of(slot, where);
        TextSlot& text = slots.emplace_back(TextSlot{text_member(object, "key", where)});
        if (object.contains("value")) text.value = text_member(object, "value", where);
    }
    return slots;
}

static json::value parse_line(const std::string& line, const std::string& where) {
    json::error_code code;
    json::value value = json::parse(line, code);
    if (code) throw Error({.what = "bad JSON", .got = code.message(), .where = where});
    if (const auto name = repeated_name(line))
        throw Error({.what = "a name is there twice", .expected = "one of each", .got = *name, .where = where});
    return value;
}

// Adds the id as it was written: a parser would round a number.
static std::string with_id(std::string answer, std::string_view id) {
    if (id.empty()) return answer;
    answer.pop_back();
    return answer += ",\"id\":" + std::string(id) + "}";
}

// Answers a question. Errors get the line as their place.
static Answer ask(const Answerer& answerer, const std::string& question, const AnswerOptions& options,
                  const std::vector<TextSlot>& own, const std::string& where) {
    try {
        return answerer.ask(question, options, own);
    } catch (const Error& e) {
        throw Error(e.problem_at(where));
    }
}

int run_predict(const Arguments& arguments) {
    AnswerOptions options{.candidates = 5, .slots = 3};
    CommandLine line{.usage = "kvmem predict RUN [options] < questions.jsonl > answers.jsonl",
                     .about = about,
                     .positional = {"run"}};
    add_answer_options(line, options);
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    const Answerer answerer = open_answerer(values, options);
    InputLines lines;
    for (std::string text; lines.next(text);) {
        if (text.find_first_not_of(" \t") == std::string::npos) continue;
        const std::string where = lines.place();
        const json::value parsed = parse_line(text, where);
        const json::object& object = object_of(parsed, where);
        const std::string question = text_member(object, "question", where);
        const Answer answer = ask(answerer, question, options, own_slots(object, where), where);
        std::cout << with_id(json::serialize(to_json(question, answer)), member_text(text, "id")) << "\n";
    }
    return 0;
}

}  // namespace kvmem::apps
