// The endpoints of runs on pairs, on events and on sentences.
#include "endpoints.hpp"
#include "event_source.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/io/json_text.hpp"
#include "kvmem/tasks/recommendation/splits.hpp"
#include "sentences.hpp"
#include "translation_json.hpp"

namespace kvmem::apps {

namespace json = boost::json;

static GenerateOptions generate_options(const json::object& body) {
    GenerateOptions options;
    options.beam = integer_of(body, "beam", 1);
    options.n_best = integer_of(body, "n_best", 1);
    options.sample = flag_of(body, "sample");
    if (!body.contains("beam") && !options.sample) options.beam = std::max(options.beam, options.n_best);
    options.max_length = integer_of(body, "max_length", options.max_length);
    options.length_penalty = number_of(body, "length_penalty").value_or(options.length_penalty);
    options.temperature = number_of(body, "temperature").value_or(options.temperature);
    options.top_k = integer_of(body, "top_k", options.top_k);
    options.top_p = number_of(body, "top_p").value_or(options.top_p);
    options.seed = static_cast<std::uint64_t>(integer_of(body, "seed", 1));
    return validated(options);
}

// The symbols of a line, for pictures of its weights.
static json::array symbols(const Units& units, std::span<const Token> tokens) {
    json::array all;
    for (const Token token : tokens) all.emplace_back(symbol_text(units, token));
    return all;
}

Reply translate(const Call& call) {
    constexpr std::size_t max_lines = 4096;
    const SequenceSource& source = call.served->sequences();
    const std::vector<std::string> lines = texts_of(call.body, "lines");
    if (lines.size() > max_lines)
        throw Error({.what = "too many lines", .expected = "at most 4096", .got = std::to_string(lines.size())});
    Ragged<Token> tokens, prefixes;
    const std::vector<Token> prefix = source.first().target_units().encode(text_of(call.body, "prefix"));
    for (std::size_t i = 0; i < lines.size(); ++i) {
        tokens.push_row(source.tokens_of(lines[i], "lines:" + std::to_string(i + 1)));
        prefixes.push_row(prefix);
    }
    const bool align = flag_of(call.body, "align"), with_symbols = flag_of(call.body, "symbols");
    const auto results =
        generate(source.model(), tokens, generate_options(call.body), {.prefixes = prefixes, .weights = align});
    std::string body = "{\"results\":[";
    json::array all_symbols;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto own = tokens[static_cast<Index>(i)];
        body += (i > 0 ? "," : "") + printable(json_line(source, lines[i], own, results[i], {}));
        if (!with_symbols) continue;
        json::array targets;
        for (const Generated& result : results[i])
            targets.push_back(symbols(source.first().target_units(), result.tokens));
        all_symbols.push_back(
            json::object{{"source", symbols(source.first().source_units(), own)}, {"targets", std::move(targets)}});
    }
    body += "]";
    if (with_symbols) {
        json::array heads;
        for (const std::string& name : source.head_names()) heads.emplace_back(name);
        body += ",\"heads\":" + json::serialize(heads) + ",\"symbols\":" + json::serialize(all_symbols);
    }
    return {.body = body + "}\n"};
}

Reply recommend(const Call& call) {
    const Recommender& recommender = call.served->recommender();
    const json::object& body = call.body;
    RecommendOptions options;
    options.k = integer_of(body, "k", options.k);
    options.seen = flag_of(body, "seen", true);
    options.explain = flag_of(body, "explain");
    std::vector<TypedEvent> typed;
    if (const json::value* events = body.if_contains("events"))
        for (const json::value& event : events->as_array()) {
            if (event.is_string()) {
                typed.push_back({std::string(event.as_string())});
                continue;
            }
            typed.push_back({text_of(event.as_object(), "item")});
            if (event.as_object().contains("time")) typed.back().time = integer_of(event.as_object(), "time", 0);
        }
    if (body.contains("user") && !typed.empty())
        throw Error({.what = "a user and events", .expected = "\"user\" or \"events\""});
    const Index when = body.contains("at") ? moment(text_of(body, "at"), "at") : recommender.now();
    const Events events = recommender.events_of(typed, when);
    const History history = body.contains("user") ? recommender.history_of(text_of(body, "user"), when)
                                                  : History{&events, 0, events.size(), when};
    const auto recommendations = recommender.recommend({&history, 1}, options).front();
    return {.body = printable(json_line(recommender, history, recommendations)) + "\n"};
}

Reply rank(const Call& call) {
    const SelectionModel& selector = call.served->selector();
    SelectionQuestion question{.id = "",
                               .text = text_of(call.body, "question"),
                               .title = text_of(call.body, "title"),
                               .heading = text_of(call.body, "heading"),
                               .sentences = texts_of(call.body, "candidates")};
    question.right.resize(question.sentences.size());
    const json::object ranked{{"question", question.text}, {"sentences", ranked_sentences(selector, question)}};
    return {.body = printable(with_plain_numbers(json::serialize(ranked))) + "\n"};
}

}  // namespace kvmem::apps
