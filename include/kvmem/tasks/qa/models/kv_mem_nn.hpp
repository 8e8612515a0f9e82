// Key-Value Memory Network (Miller et al. 2016, "Key-Value Memory Networks for Directly Reading Documents").
//
// Letters: B questions, S slots, d width, C candidates. With bags of tokens as the feature maps:
//
//     q_1 = A Phi(question)     p = softmax_i(q_j . A Phi(key_i))     o_j = sum_i p_i V Phi(value_i)
//     q_{j+1} = R_j (q_j + o_j)                answer = argmax over candidates y of q_{H+1} . B Phi(y)
//
// With a positive copy weight m, a candidate's score also gets log(1 + m * w), where w is the weight that the last hop
// gave to the slots with this value. This multiplies the answer's distribution with a mixture of "copied from the
// memory" and "anything". The dot product alone prefers the same candidates, but a read of n values through random rows
// of d numbers has noise of sqrt(n / d), which the weight lacks.
//
// The configuration decides which of the tables A, V and B are the same table (Tying).
#pragma once

#include "kvmem/nn/key_value_memory.hpp"
#include "kvmem/tasks/qa/model.hpp"

#include <string>
#include <vector>

namespace kvmem {
// Which tables a key-value memory network shares. shared: one table for everything, as in the authors' program.
// answers: a separate B, as the paper allows. sides: one table for questions and keys, another for values and
// candidates, so that a value that training never saw reaches the candidates unchanged by any word of the question.
enum class Tying { shared, answers, sides };
inline std::span<const char* const> choices(Tying) {
    static constexpr const char* names[] = {"shared", "answers", "sides"};
    return names;
}
inline std::span<const char* const> choices(BagScale) {
    static constexpr const char* names[] = {"sum", "inverse-sqrt", "mean"};
    return names;
}

struct KvMemNNConfig {
    static constexpr const char* kind = "kv-mem-nn";

    Index width = 64;  // d
    Index hops = 2;    // H
    Tying tying = Tying::sides;
    BagScale bag_scale = BagScale::inverse_sqrt;
    double deviation = 0.2;
    Index negatives = 300;
    double word_dropout = 0.1;
    double copy_weight = 1e5;      // m
    bool train_entities = false;   // off: rows of entities keep their first values
    RetrieverOptions retriever{};  // how slots are found; its hops are those above
    std::uint64_t seed = 1;
    WordSettings words{};  // how the rows of words begin
    // Throws UsageError for Retrieval::whole, which this model cannot read.
    void check() const;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("width", c.width, Range{1, 8192}, "of the embeddings");
        field("hops", c.hops, Range{1, 16}, "reads of the memory");
        field("tying", c.tying,
              "of tables: shared (one for all), answers (one more for answers), sides (questions and keys / values and "
              "answers)");
        field("bag_scale", c.bag_scale, "of a bag of words: sum, inverse-sqrt or mean", "bag");
        field("init", c.deviation, Range::above(0), "deviation of the first embeddings");
        field("negatives", c.negatives, Range::from(0), "candidates that an answer is compared with; 0: all");
        field("word_dropout", c.word_dropout, Range::below(0, 1), "share of words read as unknown in training");
        field("copy_weight", c.copy_weight, Range{0, 1e30},
              "how much a slot's weight counts for its value; 0: nothing (the paper's score)", "match");
        field("train_entities", c.train_entities, "train the embeddings of entities too (the paper's way)");
        RetrieverOptions::fields(c.retriever, field);
        field("seed", c.seed, "of every random choice");
        WordSettings::fields(c.words, field);
    }
};

class KvMemNN : public Model {
  public:
    // Makes tables with numbers drawn from the seed and each token's text, so that an entity that comes later gets the
    // same row. With `load`, takes parameters from it instead; throws Error when a shape does not fit.
    KvMemNN(const KvMemNNConfig& config, ModelWords words, std::vector<Token> candidates,
            const LoadParameter& load = {});

    // The settings that the model was made with.
    const KvMemNNConfig& config() const { return config_; }
    Settings settings() const override { return config_; }
    std::string name() const override { return "key-value memory network"; }
    std::string summary() const override;
    RetrieverOptions retrieval() const override {
        RetrieverOptions options = config_.retriever;
        options.hops = config_.hops;
        return options;
    }

    // The sum over the batch of -log p(a random right answer) among `negatives` candidates without the other right
    // answers: the values of the batch's first slots, then random candidates.
    Var loss(Tape& tape, const Batch& batch, Rng& rng) const override;
    void score(Tape& tape, const Batch& batch, View scores, AttentionTrace* trace = nullptr) const override;
    std::vector<OnnxModel> onnx() const override;

    Matrix encode_questions(const Ragged<Token>& questions) const override;  // A Phi(question)
    SlotVectors encode_slots(const Slots& slots) const override;             // A Phi(key), V Phi(value)

    // The results of a forward pass, on the tape.
    struct Forward {
        Var state;  // [B, d]: dot products with B Phi(y) are the scores
        // What each hop did.
        std::vector<KeyValueMemory::Hop> hops;
        Var key;  // [S, d]: the keys
    };
    // Runs the forward pass.
    Forward run(Tape& tape, const Batch& batch) const;

    // The attention weights of a hop, from 0, on each slot of the batch.
    static std::vector<Real> weights(const Forward& forward, const Batch& batch, Index hop);

    // The scores of score() from a forward pass.
    void score(const Forward& forward, const Batch& batch, View scores) const;

  private:
    Ragged<Token> questions(const Batch& batch, Rng* rng) const;
    Forward run(Tape& tape, const Batch& batch, Rng* rng) const;
    void grow() override;

    KvMemNNConfig config_;
    Parameter* question_table_;  // A: questions and keys
    Parameter* value_table_;
    Parameter* answer_table_;  // B
    KeyValueMemory memory_;
};

}  // namespace kvmem
