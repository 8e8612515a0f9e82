// What the options of a search forbid or make less probable.
#pragma once

#include "kvmem/core/types.hpp"

#include <span>

namespace kvmem {

// Sets the scores of tokens to -inf that would repeat a sequence of n >= 1 tokens.
void forbid_repeated(std::span<const Token> tokens, Index n, std::span<Real> scores);

// Multiplies the log probability of each token that is among `tokens` by the penalty, once (Keskar et al. 2019, of
// logits).
void penalize_repeated(std::span<const Token> tokens, double penalty, std::span<Real> log_probabilities);

}  // namespace kvmem
