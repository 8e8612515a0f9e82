// Key-Value Memory Network (Miller et al. 2016, "Key-Value Memory Networks for Directly Reading Documents").
//
// Letters: B questions, S slots, d width, C candidates. With bags of tokens as the feature maps:
//
//     q_1 = A Phi(question)     p = softmax_i(q_j . A Phi(key_i))     o_j = sum_i p_i V Phi(value_i)
//     q_{j+1} = R_j (q_j + o_j)                answer = argmax over candidates y of q_{H+1} . B Phi(y)
//
// With a positive `match` m, a candidate's score also gets log(1 + m * w), where w is the weight that the last hop
// gave to the slots whose value it is: the answer's distribution is multiplied with a mixture of "copied from
// the memory" and "anything". The dot product tends to single the same candidates out, but a read of n values
// through random rows of d numbers is as noisy as sqrt(n / d), which this is not.
//
// Which of the tables A, V and B are one is the configuration's choice (Tying).
#pragma once

#include "kvmem/nn/key_value_memory.hpp"
#include "kvmem/tasks/qa/model.hpp"

#include <string>
#include <vector>

namespace kvmem {

class KvMemNN : public Model {
  public:
    // Tables begin with numbers drawn from the seed and each token's text, so that an entity that comes later
    // gets what it would have begun with. With `load`, parameters are what it returns for each of them instead;
    // throws Error when a shape does not fit.
    KvMemNN(const KvMemNNConfig& config, Vocabulary vocabulary, std::vector<Token> candidates,
            const LoadParameter& load = {});

    const KvMemNNConfig& config() const { return config_; }
    ModelConfig configuration() const override { return config_; }
    std::string name() const override { return "key-value memory network"; }
    std::string summary() const override;
    RetrieverOptions retrieval() const override {
        RetrieverOptions options = config_.retriever;
        options.hops = config_.hops;
        return options;
    }

    // The sum over the batch of -log p(one right answer), chosen at random, among `negatives` candidates
    // without any other right answer: the values of the batch's first slots, then some drawn at random.
    Var loss(Tape& tape, const Batch& batch, Rng& rng) const override;
    void score(Tape& tape, const Batch& batch, View scores, Reads* reads = nullptr) const override;

    Matrix encode_questions(const Ragged<Token>& questions) const override;  // A Phi(question)
    SlotVectors encode_slots(const Slots& slots) const override;             // A Phi(key), V Phi(value)

    // What a question's answer came from. All views are the tape's.
    struct Reading {
        Var state;  // [B, d]: dot products with B Phi(y) are the scores
        std::vector<KeyValueMemory::Hop> hops;
        Var key;  // [S, d], as it was addressed
    };
    Reading read(Tape& tape, const Batch& batch) const;

    // The weights [slots of the batch] of a hop, counted from 0: example i's are those of its slots.
    static std::vector<Real> weights(const Reading& reading, const Batch& batch, Index hop);

    // The same scores from a reading.
    void score(const Reading& reading, const Batch& batch, View scores) const;

  private:
    Ragged<Token> questions(const Batch& batch, Rng* rng) const;
    Reading read(Tape& tape, const Batch& batch, Rng* rng) const;
    void grow() override;

    KvMemNNConfig config_;
    Parameter* question_table_;  // A: questions and keys
    Parameter* value_table_;
    Parameter* answer_table_;  // B
    KeyValueMemory memory_;
};

}  // namespace kvmem
