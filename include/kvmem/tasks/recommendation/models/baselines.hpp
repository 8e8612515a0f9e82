// The rivals of ATRank (Zhou et al. 2018, section 4) as its authors' program has them: a user's vector from the
// history, and but for one without the candidate.
//
//     s(i) = b_i + u . e_i, e_i = [item vector; a vector for each feature]
//     bpr      u is the mean of the history's e_j, times a matrix, plus a vector (matrix factorisation needs a vector
//              for each user; this form knows new users: Kabbur et al. 2013); loss -log sigmoid(s(i) - s(negative))
//     bi-lstm  u = W [last state forwards; first state backwards] + b of an LSTM over the e_j, each way as wide as e
//     bi-lstm-attention  u = W attend([e_i; e_i], h) + b, where h are the states of that LSTM at all events
//     cnn-pool u = W c + b, c the max over time of relu(filters over 1, 2, .. 10 events of tokens as in ATRank)
//
// The loss is ATRank's, but for bpr: the binary cross-entropy of a target and of an item that the user does not have.
#pragma once

#include "kvmem/nn/recurrent.hpp"
#include "kvmem/tasks/recommendation/model.hpp"

#include <memory>
#include <optional>

namespace kvmem {

class ItemVectors;

// The settings of all. They differ by their kinds.
struct BaselineConfig {
    Index width = 64;
    Index max_history = 50;
    double l2 = 0;
    bool redraw = true;
    Select select = Select::auc;
    Index valid_queries = 0;
    std::uint64_t seed = 1;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("width", c.width, Range{1, 8192}, "of an item's vector, and of each feature's");
        field("max_history", c.max_history, Range{1, 65536}, "last events of a history that are read");
        field("l2", c.l2, Range::from(0), "weight of the squares of a target's vectors, half of their sum");
        field("redraw", c.redraw, "draw other negatives in each epoch");
        field("select", c.select, "the best model by ndcg or by auc");
        field("valid_queries", c.valid_queries, Range{0, 1e9}, "of a validation; 0: all");
        field("seed", c.seed, "of every random choice");
    }
};
// Settings of Bpr.
struct BprConfig : BaselineConfig {
    static constexpr const char* kind = "bpr";
};
// Settings of BiLstm.
struct BiLstmConfig : BaselineConfig {
    static constexpr const char* kind = "bi-lstm";
};

// Settings of BiLstmAttention.
struct BiLstmAttentionConfig : BaselineConfig {
    static constexpr const char* kind = "bi-lstm-attention";
};
// Settings of CnnPool.
struct CnnPoolConfig : BaselineConfig {
    static constexpr const char* kind = "cnn-pool";
};

// A model whose score is the product of an item's vector with a vector of the user.
class Baseline : public RecommendationModel {
  public:
    ~Baseline() override;
    void score(std::span<const History> histories, View scores) const override;
    void score(const Candidates& candidates, std::span<Real> scores) const override;
    Matrix item_vectors() const override;
    Matrix history_vectors(std::span<const History> histories) const override;
    Training training() const override { return Training::each; }
    Index max_history() const override { return base_.max_history; }
    Selection selection() const override { return {base_.select, base_.valid_queries}; }
    Var loss(Tape& tape, const Events& events, std::span<const Window> windows, Rng& rng) const override;

  protected:
    // Adds the vectors and biases of items.
    Baseline(const BaselineConfig& config, Catalog catalog, Start start);
    // The items of histories.
    struct Items {
        Var vectors;                 // [items, row width]; history i is rows [offsets[i], offsets[i + 1])
        std::vector<Index> offsets;  // a history more than there are
        std::vector<Index> ages;     // of each item, ATRank's buckets
        std::vector<Index> event;    // whose items they are
    };
    // What is read of histories: by default the user vectors, [histories, row width].
    virtual Var encode(const Items& items) const = 0;
    // The user vectors for candidates [C, row width]: [C, row width]. By default there is one candidate a history, for
    // which the vector is what encode() gave.
    virtual Var users(Var encoded, const Items& items, Var candidates, const Segments& segments) const;
    // Whether users() reads the candidates.
    virtual bool reads_candidates() const { return false; }
    Items items_of(Tape& tape, std::span<const History> histories) const;
    // Those of candidates: [candidates, row width]; and their biases: [candidates, 1].
    Var vectors_of(Tape& tape, std::span<const Token> candidates) const;
    Var biases_of(Tape& tape, std::span<const Token> candidates) const;
    // The width of e.
    Index row_width() const;

  private:
    void score_each(std::span<const History> histories, View scores) const;

    BaselineConfig base_;
    std::unique_ptr<ItemVectors> vectors_;
    Parameter* bias_;
};

// The user vector is a map of the mean of the items of a history (Rendle et al. 2009, with users made of their items).
// The targets of a window are trained in one pass, in which the mean of each history goes on from the one before.
class Bpr final : public Baseline {
  public:
    // Throws UsageError for settings out of their ranges.
    Bpr(const BprConfig& config, Catalog catalog, Start start = Start::drawn);
    Settings settings() const override { return config_; }
    std::string name() const override { return "factors ranked in pairs (BPR)"; }
    std::string summary() const override;
    Training training() const override { return Training::causal; }
    Var loss(Tape& tape, const Events& events, std::span<const Window> windows, Rng& rng) const override;

  private:
    Var encode(const Items& items) const override;

    BprConfig config_;
    Linear out_;
};

// An LSTM in both directions over the items of a history; its last states make the user vector.
class BiLstm final : public Baseline {
  public:
    // Throws UsageError for settings out of their ranges.
    BiLstm(const BiLstmConfig& config, Catalog catalog, Start start = Start::drawn);
    Settings settings() const override { return config_; }
    std::string name() const override { return "bidirectional LSTM"; }
    std::string summary() const override;

  private:
    Var encode(const Items& items) const override;

    BiLstmConfig config_;
    Recurrent cells_;
    Linear out_;
};

// The candidate reads the states of an LSTM in both directions by one head of attention.
class BiLstmAttention final : public Baseline {
  public:
    // Throws UsageError for settings out of their ranges.
    BiLstmAttention(const BiLstmAttentionConfig& config, Catalog catalog, Start start = Start::drawn);
    Settings settings() const override { return config_; }
    std::string name() const override { return "bidirectional LSTM with attention"; }
    std::string summary() const override;
    Explanation explain(const History& history, Token item) const override;

  private:
    static AttendOptions how(Var states);
    Var encode(const Items& items) const override;
    Var users(Var encoded, const Items& items, Var candidates, const Segments& segments) const override;
    bool reads_candidates() const override { return true; }

    BiLstmAttentionConfig config_;
    Recurrent cells_;
    Linear out_;
};

// Filters over neighbouring events and their max over time.
class CnnPool final : public Baseline {
  public:
    // Throws UsageError for settings out of their ranges.
    CnnPool(const CnnPoolConfig& config, Catalog catalog, Start start = Start::drawn);
    Settings settings() const override { return config_; }
    std::string name() const override { return "convolution and pooling"; }
    std::string summary() const override;

  private:
    Var encode(const Items& items) const override;

    CnnPoolConfig config_;
    Linear token_;
    std::vector<Linear> filters_;  // over 1, 2, .. events
    Linear out_;
};

}  // namespace kvmem
