#include "predicted_line.hpp"

#include "answer_text.hpp"
#include "kvmem/io/json_text.hpp"
#include "kvmem/text/tokenizer.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>
#include <vector>

namespace kvmem::apps {

namespace json = boost::json;

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
    if (line[line.find_first_not_of(" \t")] != '{') return json::object{{"question", line}};
    json::error_code code;
    json::value value = json::parse(line, code);
    if (code) throw Error({.what = "bad JSON", .got = code.message(), .where = where});
    if (const auto name = repeated_name(line))
        throw Error({.what = "a name is there twice", .expected = "one of each", .got = *name, .where = where});
    return value;
}

// The object with one more member.
static std::string with_member(std::string object, const char* name, std::string_view value) {
    object.pop_back();
    return object.append(",\"").append(name).append("\":").append(value).append("}");
}

// Adds the id as it was written: a parser would round a number.
static std::string with_id(std::string answer, std::string_view id) {
    return id.empty() ? answer : with_member(std::move(answer), "id", id);
}

// Whether the first of the answers is one of the names; without any, whether there is none.
static bool is_right(const std::vector<std::string>& answers, const json::value& names, const std::string& where) {
    if (!names.is_array()) throw Error({.what = "bad \"answers\"", .expected = "an array", .where = where});
    if (answers.empty()) return names.as_array().empty();
    return std::ranges::any_of(names.as_array(), [&](const json::value& name) {
        const std::string text = name.is_string() ? std::string(name.as_string()) : json::serialize(name);
        return to_lower(text) == to_lower(answers.front());
    });
}

// Answers a line. Errors get the line as their place.
static std::string answered(const Answerer& answerer, const AnswerOptions& options, const json::object& line,
                            const std::string& where, PredictCounts& counts) {
    const std::string question = text_member(line, "question", where);
    const std::vector<TextSlot> own = own_slots(line, where);
    Answer answer;
    try {
        answer = answerer.ask(question, options, own);
    } catch (const Error& e) {
        throw Error(e.problem_at(where));
    }
    std::string text = json_line(question, answer);
    const json::value* names = line.if_contains("answers");
    if (!names) return text;
    const bool right = is_right(answers_of(answer), *names, where);
    ++counts.judged;
    counts.right += right;
    return with_member(std::move(text), "right", right ? "true" : "false");
}

std::string predicted_line(const Answerer& answerer, const AnswerOptions& options, const std::string& text,
                           const std::string& where, PredictCounts& counts) {
    std::string_view id;
    try {
        const json::value parsed = parse_line(text, where);
        if (parsed.as_object().contains("id")) id = member_text(text, "id");
        return with_id(answered(answerer, options, parsed.as_object(), where, counts), id);
    } catch (const Error& e) {
        if (counts.failed++ == 0) counts.first_problem = e.problem();
        return with_id(json::serialize(json::object{{"error", e.what()}}), id);
    }
}

}  // namespace kvmem::apps
