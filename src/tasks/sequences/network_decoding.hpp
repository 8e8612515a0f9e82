// What the decodings of all networks share. Not installed.
#pragma once

#include "kvmem/kernels/softmax.hpp"
#include "kvmem/tasks/sequences/model.hpp"

namespace kvmem {

// Gives scores by step_scores(), on a tape that reads packed weights, and takes sources at any time.
class NetworkDecoding : public Decoding {
  public:
    explicit NetworkDecoding(const SequenceNetwork& model) {
        tape_.set_training(false);
        tape_.use(model.packed());
    }
    void step(std::span<const Token> tokens, View log_probabilities) final {
        if (!step_scores(tokens, log_probabilities)) log_softmax(log_probabilities);
    }
    bool takes_sources() const final { return true; }

  protected:
    Tape tape_;
};

}  // namespace kvmem
