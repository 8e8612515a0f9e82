// The graph of an end-to-end memory network, from the equations of mem_n2n.hpp.
#include "kvmem/tasks/qa/models/mem_n2n.hpp"
#include "tasks/qa/models/onnx_bags.hpp"

#include <optional>

namespace kvmem {

using namespace onnx;

namespace {

// A sentence's vector is the sum of plain_j e_j plus `column` times the sum of tilted_j e_j, of its words' rows e_j:
// position encodings are linear in the number of the column.
struct SentenceSums {
    Value rows;   // of the tables [.., words]
    Value plain;  // [.., words]
    std::optional<Value> tilted{}, column{};

    Value embed(const Value& table) const {
        const Value words = gather(table, rows), sum = weighted_sum(plain, words);
        return tilted ? sum + *column * weighted_sum(*tilted, words) : sum;
    }
};

// The slots of each question that it reads [batch, slots], and how far they are from the question.
struct Places {
    Value mask, place;
    Value free;  // how many of the memory's slots are empty [batch, 1]
};

}  // namespace

// How many of the mask are set up to each place, this one among them.
static Value running_count(const Value& mask) { return mask.graph->node("CumSum", {mask, mask.graph->integer(-1)}); }

static SentenceSums sums_of(const Value& tokens, const Lexicon& lexicon, const MemN2NConfig& config) {
    Graph& g = *tokens.graph;
    const Value mask = token_mask(tokens);
    SentenceSums sums{input_rows(tokens, lexicon), mask};
    if (config.encoding == Encoding::bag) return sums;
    const bool is_aligned = config.encoding == Encoding::aligned;
    const auto width = static_cast<Real>(config.width), words = static_cast<Real>(config.aligned_length);
    std::vector<Real> column;
    for (Index k = 1; k <= config.width; ++k) {
        const auto at = static_cast<Real>(k);
        column.push_back(is_aligned ? 4 / (width * words) * (at - (width + 1) / 2) : -at / width);
    }
    sums.column = g.constant(column, {config.width});
    if (is_aligned) {
        sums.tilted = mask * (-(words + 1) / 2 + running_count(mask));
        return sums;
    }
    const Value length = g.node("Max", {unsqueeze(sum(mask, -1), -1), g.constant(Real{1})});
    const Value place = g.node("Div", {running_count(mask), length});
    sums.plain = mask * (1 - place);
    sums.tilted = mask * (1 - 2 * place);
    return sums;
}

static Places places_of(const Value& sentences, Index memory) {
    Graph& g = *sentences.graph;
    const Value present = has_tokens(sentences), count = cast(present, Type::int64);
    const Value place = unsqueeze(sum(count, -1), -1) - running_count(count);
    const Value mask = g.node("And", {present, g.node("Less", {place, g.integer(memory)})});
    const Value used = unsqueeze(sum(cast(mask, Type::int64), -1), -1);
    return {mask, g.node("Min", {place, g.integer(memory - 1)}), g.integer(memory) - used};
}

// The softmax with one slot more, for the empty ones: its key is zero, its bias the logarithm of their number.
static Value softmax_with_empty_slots(const Value& scores, const Places& places) {
    Graph& g = *scores.graph;
    const Value bias = apply("Log", cast(g.node("Max", {places.free, g.integer(1)}), Type::float32));
    const Value mask = g.node("Greater", {places.free, g.integer(0)});
    return slice(masked_softmax(concat({scores, bias}, 1), concat({places.mask, mask}, 1)), 1, 0, -1);
}

std::vector<OnnxModel> MemN2N::onnx() const {
    Graph g("network",
            "kvmem mem-n2n: scores of all candidates for questions about stories. A sentence without tokens is none.",
            parameters());
    const Value question = g.input("question", Type::int64, {"batch", "question_words"}, question_about);
    const Value sentences = g.input("sentences", Type::int64, {"batch", "slots", "words"},
                                    "the tokens of each story's sentences in their order; -1 behind shorter ones");
    const SentenceSums words = sums_of(sentences, lexicon_, config_);
    const Places places = places_of(sentences, config_.memory);
    const auto embed = [&](const SentenceTables& tables) {
        const Value sum = words.embed(g.parameter(tables.words->name));
        return tables.starts ? sum + gather(g.parameter(tables.starts->name), places.place) : sum;
    };
    Value state = sums_of(question, lexicon_, config_).embed(g.parameter(question_table_->name));
    std::vector<Value> all;
    for (Index hop = 0; hop < config_.hops; ++hop) {
        const Value scores = dot_scores(state, embed(tables_[key_of(hop)]));
        const Value weights = lookup().normalizer == Normalizer::none ? scores * cast(places.mask, Type::float32)
                              : config_.empty_slots                   ? softmax_with_empty_slots(scores, places)
                                                                      : masked_softmax(scores, places.mask);
        all.push_back(unsqueeze(weights, 1));
        const Value read = weighted_sum(weights, embed(tables_[value_of(hop)]));
        state = (map_ ? linear(state, g.parameter(map_->name)) : state) + read;
        if (config_.relu) state = apply("Relu", state);
    }
    const Value answers = candidate_rows(g.parameter(answer_table_->name), lexicon_);
    g.output("scores", linear(state, answers), Type::float32, {"batch", std::ssize(candidates())}, "of all candidates");
    g.output("weights", concat(all, 1), Type::float32, {"batch", config_.hops, "slots"}, "what each hop read");
    return {g.model()};
}

}  // namespace kvmem
