// Query-reduction network (Seo et al. 2017, "Query-Reduction Networks for Question Answering", arXiv 1606.04582) whose
// states are a memory that the question reads by attention.
//
// Letters: B questions, S sentences, d width, C candidates. A sentence is the sum of its words' vectors E x_j, each
// times fixed random factors f_j of its place (random_factors()), and so is the question:
//
//     x_i = sum_j f_j * E x_ij        u = sum_j f_j * E q_j        q_i = u
//
// In every hop each sentence has its own query q_i, which says what is asked after the facts found so far. Where a
// sentence matters (z_i, number by number), it reduces the query to the next one (c_i); elsewhere the query of earlier
// sentences stays. So a later sentence overrides an earlier one. The same runs backwards, g_i. Then the question reads
// the states h_i by attention, and adds the last of them:
//
//     z_i = sigmoid(Z (x_i * q_i) + b)       c_i = sigmoid(R (x_i * q_i) + b') * tanh(X x_i + Q q_i + b'')
//     h_i = (1 - z_i) h_{i-1} + z_i c_i      g_i = (1 - z_i) g_{i+1} + z_i c_i
//     u   = u + sum_i softmax(s u . K h_i)_i V h_i + h_n
//     q_i = h_i + g_i + u
//
// X, Q, K and V begin near 0.7 times the identity, so that sentences with common words match from the start, as in a
// memory network. Without the attention (u = h_n) it is the paper's network, which has more trouble with facts in any
// order.
//
// Beside it, an end-to-end memory network (Sukhbaatar et al. 2015) follows a chain of K facts, wherever they stand. Its
// sentences b_i and its question are plain sums of words. Maps turn one table into the tables of all hops, where the
// values of a hop are the keys of the next one, and those of the last are the answers' (adjacent tying):
//
//     c = A_1 sum_j E q_j        c = c + sum_i (softmax(s' c . A_k b_i)_i - 1/S) A_{k+1} b_i        k = 1 .. K
//
// The mean of the values is subtracted from each read. The mean is most of the read of an undecided softmax, and
// describes the story as a whole: with it, training learns the most frequent answer before a chain, and then by heart.
//
// The answer is the candidate y with the largest W y . u + 0.3 (A_{K+1} E y) . c.
#pragma once

#include "kvmem/nn/layers.hpp"
#include "kvmem/tasks/qa/model.hpp"

#include <string>
#include <vector>

namespace kvmem {
struct QueryReductionConfig {
    static constexpr const char* kind = "query-reduction";

    Index width = 128;  // d
    Index hops = 5;     // layers of the paper
    bool share_hops = true;
    Index chain_hops = 3;  // K
    Index max_words = 32;
    double position_std = 0.5;
    double dropout = 0.1;
    std::uint64_t seed = 1;
    WordSettings words{};  // how the rows of words begin

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("width", c.width, Range{1, 1024}, "of the embeddings");
        field("hops", c.hops, Range{1, 16}, "layers of gates");
        field("share_hops", c.share_hops, "one set of maps for all hops");
        field("chain_hops", c.chain_hops, Range{0, 16}, "hops of the memory network beside the gates; 0: none",
              "chain");
        field("max_words", c.max_words, Range{1, 1024}, "words of a sentence that are read, the first ones", "longest");
        field("position_std", c.position_std, Range::from(0),
              "deviation of the factors of a word's position in its sentence", "places");
        field("dropout", c.dropout, Range::below(0, 1),
              "share of the numbers of sentences, queries and the last state that training leaves out");
        field("seed", c.seed, "of every random choice");
        WordSettings::fields(c.words, field);
    }
};

class QueryReduction : public Model {
  public:
    // Throws Error when a loaded shape does not fit.
    QueryReduction(const QueryReductionConfig& config, ModelWords words, std::vector<Token> candidates,
                   const LoadParameter& load = {});

    // The settings that the model was made with.
    const QueryReductionConfig& config() const { return config_; }
    Settings settings() const override { return config_; }
    std::string name() const override { return "query-reduction network"; }
    std::string summary() const override;

    // The cross-entropy of a random right answer among all candidates but the other right ones: the mean of that of all
    // scores and that of the gates' part, W y . u, which must learn all that it can without the chain.
    Var loss(Tape& tape, const Batch& batch, Rng& rng) const override;
    // Traces each slot's share of what the hop added to u: of c_i in h_n and in every h_j that is read, on average over
    // the d numbers. A second head has the attention weights of the chain in its K hops.
    void score(Tape& tape, const Batch& batch, View scores, AttentionTrace* trace = nullptr) const override;

  private:
    struct Layer {
        Layer(Parameters& parameters, const std::string& name, const QueryReductionConfig& config);

        Linear gate, reset, slot, query, key, value;
    };
    struct Gated {
        Var gate;
        QueryKey asked;
    };
    struct Forward {
        Var state, chain{};  // u, c [B, d]
        std::vector<Gated> hops{};
        std::vector<QueryKey> links{};  // of the chain
    };
    struct Scores {
        Var gates, all;  // [B, C]
    };
    enum class WordOrder { kept, ignored };  // of a sentence's words

    void identity_init();
    RaggedView<Token> sentences(Arena& arena, const Ragged<Token>& keys, const Ragged<Token>& values) const;
    Var encode(Tape& tape, RaggedView<Token> bags, WordOrder order) const;
    void read_chain(const Segments& segments, Var slots, Forward& forward) const;
    Forward run(Tape& tape, const Batch& batch) const;
    Scores scores_of(Tape& tape, const Forward& forward) const;
    AttendOptions lookup(double factor) const;
    void grow() override;

    QueryReductionConfig config_;
    Parameter *words_, *answers_;     // E, W
    Matrix places_;                   // f
    std::vector<Layer> hops_;         // one, if they are shared
    std::vector<Linear> chain_maps_;  // A; none without a chain
};

}  // namespace kvmem
