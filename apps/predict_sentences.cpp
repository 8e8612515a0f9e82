// kvmem predict of models that choose sentences.
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/selection/evaluate.hpp"
#include "line_reader.hpp"
#include "sentences.hpp"

#include <boost/json.hpp>
#include <iostream>

namespace kvmem::apps {

namespace json = boost::json;

// Throws Error for a line that is no question with candidates.
static SelectionQuestion question_in(const std::string& text, const std::string& where) {
    const auto bad = [&](const char* expected) {
        return Error({.what = "this is no question with sentences", .expected = expected, .where = where});
    };
    json::error_code code;
    const json::value line = json::parse(text, code);
    const json::object* object = code ? nullptr : line.if_object();
    const json::value* question = object ? object->if_contains("question") : nullptr;
    const json::value* candidates = object ? object->if_contains("candidates") : nullptr;
    if (!question || !question->is_string() || !candidates || !candidates->is_array() || candidates->as_array().empty())
        throw bad("{\"question\": a text, \"candidates\": [texts]}");
    SelectionQuestion read{.id = "", .text = std::string(question->as_string())};
    for (const json::value& candidate : candidates->as_array()) {
        if (!candidate.is_string()) throw bad("candidates that are texts");
        read.sentences.emplace_back(candidate.as_string());
    }
    for (const auto& [name, field] : {std::pair("title", &read.title), std::pair("heading", &read.heading)})
        if (const json::value* value = object->if_contains(name); value && value->is_string())
            *field = value->as_string();
    read.right.resize(read.sentences.size());
    return read;
}

static json::object ranked(const SelectionModel& model, const SelectionQuestion& question) {
    const Ragged<Real> scores = model.score({&question, 1});
    json::array sentences;
    for (const Index candidate : worst_case_order(scores[0], question.right))
        sentences.push_back(json::object{
            {"number", candidate}, {"sentence", question.sentences[candidate]}, {"score", scores[0][candidate]}});
    return {{"question", question.text}, {"sentences", std::move(sentences)}};
}

int predict_sentences(const po::variables_map& values) {
    const auto model = open_selection_model(values["run"].as<std::string>());
    InputLines lines;
    Index failed = 0;
    std::optional<Problem> first;
    for (std::string text; lines.next(text);) {
        if (text.find_first_not_of(" \t") == std::string::npos) continue;
        try {
            std::cout << json::serialize(ranked(*model, question_in(text, lines.place()))) << "\n";
        } catch (const Error& e) {
            std::cout << json::serialize(json::object{{"error", e.what()}}) << "\n";
            if (failed++ == 0) first = e.problem();
        }
    }
    if (first) throw Error(std::move(*first));
    return 0;
}

}  // namespace kvmem::apps
