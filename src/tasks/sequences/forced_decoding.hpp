// Decoding of targets that are given, as in training with teacher forcing. Not installed.
#pragma once

#include "kvmem/tasks/sequences/decoder.hpp"

#include <functional>
#include <span>

namespace kvmem {

// A step of a line. The views are valid during the call.
struct ForcedStep {
    Index line, t;  // the symbol t of the line's target, or its end, comes next
    Token next;
    std::span<const Real> log_probabilities;  // of all tokens
    std::span<const Real> state;              // from which the model has them (Decoding::states()), or empty
};

// Calls visit(step) for each symbol of each target and for its end, on several threads at once. `batch` lines run at
// once. Throws Error unless each source has a target of the model's tokens.
void force(const SequenceModel& model, RaggedView<Token> sources, RaggedView<Token> targets, Index batch,
           const std::function<void(const ForcedStep& step)>& visit);

}  // namespace kvmem
