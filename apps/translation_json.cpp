#include "translation_json.hpp"

#include "kvmem/core/text.hpp"
#include "sequence_memory.hpp"

#include <boost/json.hpp>

namespace kvmem::apps {

namespace json = boost::json;

static json::array weights_json(const Generated& result, Index head) {
    json::array rows;
    for (Index row = head; row < result.weights.size(); row += result.heads) {
        json::array weights;
        for (const Real weight : result.weights[row]) weights.emplace_back(weight);
        rows.push_back(std::move(weights));
    }
    return rows;
}

// An array for each symbol and the end.
static json::array memories_json(const std::vector<ExplainedSymbol>& symbols) {
    json::array all;
    for (const ExplainedSymbol& symbol : symbols) {
        json::array slots;
        for (const auto& slot : symbol.slots)
            slots.push_back(json::object{
                {"id", slot.id}, {"weight", slot.weight}, {"symbol", slot.symbol}, {"text", as_utf8(slot.text)}});
        all.push_back(json::object{{"symbol", symbol.symbol}, {"slots", std::move(slots)}});
    }
    return all;
}

static json::object to_json(const SequenceSource& source, std::span<const Token> tokens, const Generated& result,
                            const TranslationJson& options) {
    json::object object{{"text", source.text_of(result)},
                        {"score", result.score},
                        {"log_probability", result.log_probability},
                        {"ended", result.ended}};
    if (options.explain) object["memories"] = memories_json(explained(source, tokens, result));
    if (result.weights.empty()) return object;
    json::array weights;
    for (Index h = 0; h < result.heads; ++h)
        if (!options.head || h == *options.head - 1) weights.push_back(weights_json(result, h));
    object["weights"] = std::move(weights);  // [head][target][source]
    return object;
}

std::string json_line(const SequenceSource& source, const std::string& line, std::span<const Token> tokens,
                      const std::vector<Generated>& results, const TranslationJson& options) {
    json::array all;
    for (const Generated& result : results) all.push_back(to_json(source, tokens, result, options));
    return json::serialize(json::object{{"source", as_utf8(line)}, {"results", std::move(all)}});
}

}  // namespace kvmem::apps
