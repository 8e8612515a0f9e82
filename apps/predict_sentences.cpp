// kvmem predict of models that choose sentences.
#include "kvmem/core/text.hpp"
#include "kvmem/io/json_text.hpp"
#include "kvmem/tasks/selection/evaluate.hpp"
#include "line_reader.hpp"
#include "sentences.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <initializer_list>
#include <iostream>

namespace kvmem::apps {

namespace json = boost::json;

static Error bad_line(const char* expected, std::string got, const std::string& where) {
    return Error(
        {.what = "this is no question with sentences", .expected = expected, .got = std::move(got), .where = where});
}

static std::string kind_of(const json::value& value) { return std::string(json::to_string(value.kind())); }

static json::object object_in(const std::string& text, const std::string& where) {
    const char* const expected = "{\"question\": a text, \"candidates\": [texts]}";
    json::error_code code;
    json::value line = json::parse(text, code);
    if (code) throw bad_line(expected, code.message(), where);
    if (!line.is_object()) throw bad_line(expected, kind_of(line), where);
    return std::move(line.as_object());
}

// The text of the first of these members that is there, or "", as kvmem import reads it.
static std::string text_of(const json::object& line, std::initializer_list<const char*> names,
                           const std::string& where) {
    for (const char* name : names) {
        const json::value* value = line.if_contains(name);
        if (!value || value->is_null()) continue;
        if (value->is_string()) return std::string(value->as_string());
        if (value->is_int64() || value->is_uint64()) return json::serialize(*value);
        throw bad_line("a text", "\"" + std::string(name) + "\": " + kind_of(*value), where);
    }
    return {};
}

// Marks the candidates that "answers" numbers, if it is there.
static void mark_answers(const json::object& line, std::vector<std::uint8_t>& right, const std::string& where) {
    const json::value* answers = line.if_contains("answers");
    if (!answers || answers->is_null()) return;
    const char* const expected = "\"answers\": [numbers of the right candidates, from 0]";
    if (!answers->is_array()) throw bad_line(expected, kind_of(*answers), where);
    for (const json::value& answer : answers->as_array()) {
        if (!answer.is_int64() || answer.as_int64() < 0 || answer.as_int64() >= std::ssize(right))
            throw bad_line(expected, json::serialize(answer), where);
        right[answer.as_int64()] = 1;
    }
}

// Throws Error for a line that is no question with candidates.
static SelectionQuestion question_in(const json::object& line, const std::string& where) {
    SelectionQuestion read{.id = "",
                           .text = text_of(line, {"question"}, where),
                           .title = text_of(line, {"title", "article"}, where),
                           .heading = text_of(line, {"heading", "section"}, where)};
    if (read.text.empty()) throw bad_line("\"question\": a text", "none", where);
    const json::value* candidates = line.if_contains("candidates");
    if (!candidates || !candidates->is_array())
        throw bad_line("\"candidates\": [texts]", candidates ? kind_of(*candidates) : "none", where);
    for (const json::value& candidate : candidates->as_array()) {
        if (!candidate.is_string()) throw bad_line("candidates that are texts", kind_of(candidate), where);
        read.sentences.emplace_back(candidate.as_string());
    }
    if (read.sentences.empty()) throw bad_line("one candidate or more", "0", where);
    read.right.resize(read.sentences.size());
    mark_answers(line, read.right, where);
    return read;
}

namespace {
// How many questions with answers there were, and how many of them have a right sentence first.
struct Judged {
    Index questions = 0, right = 0;
};
}  // namespace

json::array ranked_sentences(const SelectionModel& model, const SelectionQuestion& question) {
    const Ragged<Real> scores = model.score({&question, 1});
    json::array sentences;
    for (const Index candidate : worst_case_order(scores[0], question.right))
        sentences.push_back(json::object{
            {"number", candidate}, {"sentence", question.sentences[candidate]}, {"score", scores[0][candidate]}});
    return sentences;
}

// "id" is given back, and with answers "right" says whether the first sentence is one.
static json::object ranked(const SelectionModel& model, const json::object& line, const std::string& where,
                           Judged& judged) {
    const SelectionQuestion question = question_in(line, where);
    json::array sentences = ranked_sentences(model, question);
    json::object out;
    if (const json::value* id = line.if_contains("id")) out["id"] = *id;
    out["question"] = question.text;
    if (std::ranges::find(question.right, 1) != question.right.end()) {
        const bool right = question.right[sentences.front().at("number").as_int64()] != 0;
        out["right"] = right;
        ++judged.questions;
        judged.right += right;
    }
    out["sentences"] = std::move(sentences);
    return out;
}

int predict_sentences(const po::variables_map& values) {
    const auto model = open_selection_model(values["run"].as<std::string>());
    InputLines lines;
    Index failed = 0;
    Judged judged;
    std::optional<Problem> first;
    for (std::string text; lines.next(text);) {
        if (text.find_first_not_of(" \t") == std::string::npos) continue;
        try {
            const json::object line = object_in(text, lines.place());
            std::cout << with_plain_numbers(json::serialize(ranked(*model, line, lines.place(), judged))) << "\n";
        } catch (const Error& e) {
            std::cout << json::serialize(json::object{{"error", e.what()}}) << "\n";
            if (failed++ == 0) first = e.problem();
        }
    }
    if (judged.questions > 0)
        std::cerr << judged.right << " of " << plural(judged.questions, "question") << " with a right sentence first\n";
    if (first) throw Error(std::move(*first));
    return 0;
}

}  // namespace kvmem::apps
