// kvmem predict RUN: JSON lines in, JSON lines out.
#include "answer_text.hpp"
#include "model_source.hpp"
#include "program.hpp"

#include <iostream>

namespace kvmem::apps {

namespace json = boost::json;

static const char* const about =
    "Reads JSON lines {\"question\": text} from stdin and writes a line for each: the answer, its candidates and the\n"
    "memories read. A question may bring slots of its own, and an \"id\" that is handed on: \"memory\": [{\"key\", "
    "\"value\"}].\nA slot without \"value\" is a sentence of a story.";

static std::string text_member(const json::object& object, const char* name, const std::string& where) {
    const json::value* value = object.if_contains(name);
    if (!value || !value->is_string())
        throw Error({.what = std::string("bad \"") + name + "\"",
                     .expected = "a text",
                     .got = value ? json::serialize(*value).substr(0, 40) : "none",
                     .where = where,
                     .hint = {}});
    return std::string(value->as_string());
}

static const json::object& object_of(const json::value& value, const std::string& where) {
    if (!value.is_object())
        throw Error({.what = "bad line",
                     .expected = "a JSON object",
                     .got = json::serialize(value).substr(0, 40),
                     .where = where,
                     .hint = {}});
    return value.as_object();
}

static std::vector<TextSlot> own_slots(const json::object& line, const std::string& where) {
    std::vector<TextSlot> slots;
    const json::value* memory = line.if_contains("memory");
    if (!memory) return slots;
    if (!memory->is_array())
        throw Error({.what = "bad \"memory\"", .expected = "an array", .got = {}, .where = where, .hint = {}});
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
    if (code) throw Error({.what = "bad JSON", .expected = {}, .got = code.message(), .where = where, .hint = {}});
    return value;
}

// An answerer does not know which line it is asked from.
static Answer ask(const Answerer& answerer, const std::string& question, const AnswerOptions& options,
                  const std::vector<TextSlot>& own, const std::string& where) {
    try {
        return answerer.ask(question, options, own);
    } catch (const Error& e) {
        Problem problem = e.problem();
        problem.where = where;
        throw Error(std::move(problem));
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
    std::string text;
    for (Index number = 1; std::getline(std::cin, text); ++number) {
        if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
        const std::string where = "stdin:" + std::to_string(number);
        const json::value parsed = parse_line(text, where);
        const json::object& object = object_of(parsed, where);
        const std::string question = text_member(object, "question", where);
        json::object answer = to_json(question, ask(answerer, question, options, own_slots(object, where), where));
        if (const json::value* id = object.if_contains("id")) answer["id"] = *id;
        std::cout << json::serialize(answer) << "\n";
        if (!std::cout) break;  // nobody reads any more
    }
    require_input_was_read();
    return 0;
}

}  // namespace kvmem::apps
