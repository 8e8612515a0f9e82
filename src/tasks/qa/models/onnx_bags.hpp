// Bags of tokens in ONNX graphs: arrays [.., words] of the vocabulary's tokens, padded. Not installed.
#pragma once

#include "io/onnx_graph.hpp"
#include "kvmem/tasks/qa/lexicon.hpp"

namespace kvmem::onnx {

inline constexpr const char* question_about = "the tokens of each question; -1 behind shorter ones";

// The rows of tables for tokens, as the model reads them: words that training never saw are unknown.
inline Value input_rows(const Value& tokens, const Lexicon& lexicon) {
    Integers inputs;
    for (Token t = 0; t < lexicon.vocabulary().size(); ++t) inputs.push_back(lexicon.input(t));
    return gather(tokens.graph->constant(inputs), as_rows(tokens));
}

// 1 for tokens, 0 for padding.
inline Value token_mask(const Value& tokens) { return cast(is_token(tokens), Type::float32); }

// Which bags [.., words] have a token: [..].
inline Value has_tokens(const Value& tokens) {
    const Value count = sum(cast(is_token(tokens), Type::int64), -1);
    return tokens.graph->node("Greater", {count, tokens.graph->integer(0)});
}

// The rows of the candidates in a table [tokens, width].
inline Value candidate_rows(const Value& table, const Lexicon& lexicon) {
    const auto candidates = lexicon.candidates();
    return gather(table, table.graph->constant(Integers(candidates.begin(), candidates.end())));
}

}  // namespace kvmem::onnx
