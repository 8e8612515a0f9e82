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
// Which of the tables A, V and B are one is the configuration's choice (Tying). Reading is safe from several
// threads as long as nobody trains or extends the model.
#pragma once

#include "kvmem/models/batch.hpp"
#include "kvmem/nn/key_value_memory.hpp"
#include "kvmem/nn/layers.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// shared: one table for everything, as in the authors' program. answers: B of its own, as the paper allows.
// sides: what asks and is asked (questions, keys) has one table, what is answered (values, candidates)
// another. Then a value that was never seen in training can be handed on to the candidates as it is, and the
// words of the question do not get in its way: the best for answers that training does not show.
enum class Tying { shared, answers, sides };

struct KvMemNNConfig {
    Index width = 64;  // d
    Index hops = 2;    // H
    Tying tying = Tying::sides;
    BagScale bag_scale = BagScale::inverse_sqrt;
    double deviation = 0.2;       // of the normal numbers that tables begin with
    Index negatives = 300;        // candidates that a right answer is compared with; 0: all
    double word_dropout = 0.1;    // share of a question's words that training reads as unknown
    double match = 1e5;           // m; 0: the paper's score alone
    bool train_entities = false;  // off: rows of entities stay as random as they began
    RetrieverOptions retriever;
    std::uint64_t seed = 1;

    void validate() const;  // throws UsageError
};

class KvMemNN {
  public:
    // Tables begin with numbers drawn from the seed and each token's text, so that an entity that comes later
    // gets what it would have begun with. With `load`, parameters are what it returns for each of them instead;
    // throws Error when a shape does not fit.
    KvMemNN(const KvMemNNConfig& config, Vocabulary vocabulary, std::vector<Token> candidates,
            const std::function<Matrix(const std::string& name)>& load = {});
    KvMemNN(KvMemNN&&) = default;

    const KvMemNNConfig& config() const { return config_; }
    const Vocabulary& vocabulary() const { return vocabulary_; }
    std::span<const Token> candidates() const { return candidates_; }
    Parameters& parameters() { return *parameters_; }
    const Parameters& parameters() const { return *parameters_; }

    // The sum over the batch of -log p(one right answer), chosen at random, among `negatives` candidates
    // without any other right answer: the values of the batch's first slots, then some drawn at random. Examples
    // without a right answer that is a candidate count nothing. [1, 1]
    Var loss(Tape& tape, const Batch& batch, Rng& rng) const;

    // What a question's answer came from. All views are the tape's.
    struct Reading {
        Var state;  // [B, d]: dot products with B Phi(y) are the scores
        std::vector<KeyValueMemory::Hop> hops;
        Var key;  // [S, d], as it was addressed
    };
    Reading read(Tape& tape, const Batch& batch) const;

    // The weights [slots of the batch] of a hop, counted from 0: example i's are those of its slots.
    static std::vector<Real> weights(const Reading& reading, const Batch& batch, Index hop);

    // Scores of all candidates: [B, C] in the order of candidates(). Their softmax are the answer's weights.
    void score(const Reading& reading, const Batch& batch, View scores) const;

    // Takes another data set's entities in and makes its candidates this model's. Returns the model's token for
    // each of the data set's; words and relations that the model does not know become unknown_token,
    // which is no candidate.
    std::vector<Token> extend(const QaDataset& dataset);

  private:
    Token input(Token token) const { return inputs_[static_cast<std::size_t>(token)]; }
    Ragged<Token> inputs(const Ragged<Token>& bags) const;
    Ragged<Token> questions(const Batch& batch, Rng* rng) const;
    Reading read(Tape& tape, const Batch& batch, Rng* rng) const;
    // The number of the candidate that a slot's value is, or -1 when it is none.
    Index candidate_of(std::span<const Token> value) const;
    void score_states(ConstView states, View scores) const;
    void grow_tables();
    void load_tables(const std::function<Matrix(const std::string& name)>& load);
    void index_vocabulary();

    KvMemNNConfig config_;
    Vocabulary vocabulary_;
    std::vector<Token> candidates_;
    std::vector<Token> inputs_;            // of each token: itself, or unknown_token for a word never trained
    std::vector<Index> candidate_number_;  // of each token, or -1
    std::unique_ptr<Parameters> parameters_;
    Parameter* question_table_;  // A: questions and keys
    Parameter* value_table_;
    Parameter* answer_table_;  // B
    KeyValueMemory memory_;
};

// Replaces every token t by to[t].
void translate(std::span<Token> tokens, std::span<const Token> to);
void translate(Slots& slots, std::span<const Token> to);

}  // namespace kvmem
