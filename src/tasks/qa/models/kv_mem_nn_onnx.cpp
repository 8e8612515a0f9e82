// The graph of a key-value memory network, from the equations of kv_mem_nn.hpp.
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/models/kv_mem_nn.hpp"
#include "tasks/qa/models/onnx_bags.hpp"

namespace kvmem {

using namespace onnx;

// The scaled sums of bags [.., words]: [.., width].
static Value embed_bags(const Value& table, const Value& tokens, const Lexicon& lexicon, BagScale scale) {
    const Value mask = token_mask(tokens);
    Value bags = weighted_sum(mask, gather(table, input_rows(tokens, lexicon)));
    if (scale == BagScale::sum) return bags;
    Graph& g = *tokens.graph;
    const Value count = unsqueeze(g.node("Max", {sum(mask, -1), g.constant(Real{1})}), -1);
    return g.node("Div", {bags, scale == BagScale::mean ? count : apply("Sqrt", count)});
}

// What the slots with a candidate as their value add to its score, log(1 + m w): to scores [batch, candidates].
static Value add_copies(const Value& scores, const Value& values, const Value& weights, const Lexicon& lexicon,
                        double copy_weight) {
    Graph& g = *scores.graph;
    Integers numbers;
    for (Token t = 0; t < lexicon.vocabulary().size(); ++t) numbers.push_back(lexicon.candidate(t));
    const Value first = squeeze(slice(values, 2, 0, 1), 2), length = sum(cast(is_token(values), Type::int64), -1);
    const Value number = gather(g.constant(numbers), as_rows(first));
    const Value counts = g.node("And", {g.node("Equal", {length, g.integer(1)}), is_token(number)});
    const Value matched =
        g.node("ScatterElements", {0 * scores, as_rows(number), weights * cast(counts, Type::float32)},
               {{"axis", std::int64_t{1}}, {"reduction", std::string("add")}});
    return scores + apply("Log", 1 + static_cast<Real>(copy_weight) * matched);
}

std::vector<OnnxModel> KvMemNN::onnx() const {
    if (lexicon_.has_second_dictionary())
        throw Error({.what = "a model that reads documents in two dictionaries has no graph for other programs"});
    Graph g("network",
            "kvmem kv-mem-nn: scores of all candidates for questions that read slots. A slot without tokens is none.",
            parameters());
    const Value question = g.input("question", Type::int64, {"batch", "question_words"}, question_about);
    const Value keys = g.input("keys", Type::int64, {"batch", "slots", "key_words"}, "the tokens of each slot's key");
    const Value values = g.input("values", Type::int64, {"batch", "slots", "value_words"}, "and of its value");
    const auto embed = [&](const Parameter* table, const Value& tokens) {
        return embed_bags(g.parameter(table->name), tokens, lexicon_, config_.bag_scale);
    };
    const Value mask = g.node("Or", {has_tokens(keys), has_tokens(values)});
    const Value key = embed(question_table_, keys), value = embed(value_table_, values);
    Value state = embed(question_table_, question), weights;
    std::vector<Value> all;
    for (Index hop = 1; hop <= config_.hops; ++hop) {
        weights = masked_softmax(dot_scores(state, key), mask);
        all.push_back(unsqueeze(weights, 1));
        state = linear(state + weighted_sum(weights, value), g.parameter("memory.R" + std::to_string(hop)));
    }
    Value scores = linear(state, candidate_rows(g.parameter(answer_table_->name), lexicon_));
    if (config_.copy_weight > 0) scores = add_copies(scores, values, weights, lexicon_, config_.copy_weight);
    g.output("scores", scores, Type::float32, {"batch", std::ssize(candidates())}, "of all candidates");
    g.output("weights", concat(all, 1), Type::float32, {"batch", config_.hops, "slots"}, "what each hop read");
    return {g.model()};
}

}  // namespace kvmem
