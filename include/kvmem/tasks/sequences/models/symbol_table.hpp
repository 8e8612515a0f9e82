// The symbols at both ends of a network of Transformer layers: their vectors, and the scores of the next one.
#pragma once

#include "kvmem/nn/layers.hpp"
#include "kvmem/tasks/sequences/models/transformer_settings.hpp"

#include <optional>
#include <span>
#include <string>

namespace kvmem {

// A table [tokens, width], read as sqrt(width) E x (Vaswani et al. 2017, section 3.4).
class SymbolTable {
  public:
    // Adds the table `name`, of rows with a length of about one. Throws Error when the name is taken.
    SymbolTable(Parameters& parameters, const std::string& name, Index tokens, const TransformerSettings& settings);
    // [tokens, width]. Throws Error for a token outside of the table.
    [[nodiscard]] Var operator()(Tape& tape, std::span<const Token> tokens) const;
    const Parameter& table() const { return rows_.table(); }

  private:
    Embedding rows_;
};

// Scores W h + b [B, tokens] of states h [B, width]. W is the table itself, if the settings say that it is tied, and
// out.weight otherwise. b is out.bias.
class SymbolScores {
  public:
    // The table must outlive the object. Throws Error when a name is taken.
    SymbolScores(Parameters& parameters, const SymbolTable& table, const TransformerSettings& settings);
    [[nodiscard]] Var operator()(Var states) const;

  private:
    const Parameter* weight_;
    const Parameter* bias_;
};

}  // namespace kvmem
