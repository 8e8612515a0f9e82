#include "kvmem/tasks/sequences/models/symbol_table.hpp"

#include <cmath>

namespace kvmem {

static double unit_deviation(const TransformerSettings& settings) {
    return 1 / std::sqrt(static_cast<double>(settings.width));
}

SymbolTable::SymbolTable(Parameters& parameters, const std::string& name, Index tokens,
                         const TransformerSettings& settings)
    : rows_(parameters, name, tokens, settings.width, unit_deviation(settings), settings.seed) {}

Var SymbolTable::operator()(Tape& tape, std::span<const Token> tokens) const {
    return scale(rows_(tape, tokens), std::sqrt(static_cast<Real>(table().value.cols())));
}

SymbolScores::SymbolScores(Parameters& parameters, const SymbolTable& table, const TransformerSettings& settings)
    : weight_(&table.table()) {
    const Index tokens = weight_->value.rows();
    if (!settings.tied)
        weight_ = &parameters.add_normal("out.weight", tokens, settings.width, unit_deviation(settings), settings.seed);
    bias_ = &parameters.add("out.bias", Matrix(1, tokens));
}

Var SymbolScores::operator()(Var states) const {
    return linear(states, states.tape->parameter(*weight_), states.tape->parameter(*bias_));
}

}  // namespace kvmem
