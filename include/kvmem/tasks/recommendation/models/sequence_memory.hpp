// A sequence model that also reads the memory of what all users did.
//
//     s(i) = h . item vector(i) + b_i                        an encoder of the history (models/sasrec.hpp)
//          + sum over half-lives p of g_p(h) log share_p(i)  what is popular now
//          + read(x_i, h)                                    of items that the memory names: the user's own items, and
//                                                            those that others took near the items of the history
//     read(x, h) = w . (relu(W x + c) * (1 + G h))
//
// x_i counts how often, how lately and in what share of baskets the user took i, and how strongly co-occurrence names
// it (models/floors.hpp). So the gates g and G are learned from the encoded history, and the floors are within reach.
// In training the memory is read as it was before each target's time; nothing later is ever seen.
//
// Where items have features, training reads a share of the items by these alone (Volkovs et al. 2017, DropoutNet), and
// items that training never has are no rivals of its targets. So a new item is scored by its features. Before its first
// event, what the memory says of it is the mean of what it says of items like it.
#pragma once

#include "kvmem/tasks/recommendation/models/sasrec.hpp"

#include <array>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace kvmem {

struct SequenceMemoryConfig {
    static constexpr const char* kind = "sequence-memory";

    Index width = 64;
    Index heads = 2;
    Index layers = 2;
    Index max_history = 50;
    double dropout = 0.3;
    double drop_items = 0.2;
    bool features = true;
    bool encoder = true;
    bool own = true;
    bool neighbours = true;
    bool popular = true;
    Index read_history = 20;
    double read_decay = 0.9;
    Index occurrences = 100;
    Index named = 300;
    Index inner = 32;
    double lag = 0;
    double share = 1;
    Select select = Select::ndcg;
    Index valid_queries = 2000;
    std::uint64_t seed = 1;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("width", c.width, Range{1, 8192}, "of the vectors");
        field("heads", c.heads, Range{1, 64}, "of attention");
        field("layers", c.layers, Range{1, 16}, "of attention");
        field("max_history", c.max_history, Range{1, 65536}, "last events of a history that the encoder reads");
        field("dropout", c.dropout, Range::below(0, 1), "of vectors, of attention and of the layers' results");
        field("drop_items", c.drop_items, Range::below(0, 1),
              "share of items that training reads by their features alone");
        field("features", c.features, "read the features of items");
        field("encoder", c.encoder, "score items by the encoded history");
        field("own", c.own, "read the user's own items");
        field("neighbours", c.neighbours, "read what others took near the items of the history");
        field("popular", c.popular, "read what is popular at the time");
        field("read_history", c.read_history, Range{1, 1e6}, "last events that co-occurrence is read of");
        field("read_decay", c.read_decay, Range{0, 1}, "of their weights with each event");
        field("occurrences", c.occurrences, Range{0, 1e9}, "latest ones of an item that are read; 0: all");
        field("named", c.named, Range{0, 1e9}, "items that co-occurrence may name");
        field("inner", c.inner, Range{1, 65536}, "width of the read");
        field("lag", c.lag, Range::from(0), "days that the memory of a training target may be old, at most");
        field("share", c.share, Range{0.001, 1}, "of the targets that an epoch trains, drawn anew");
        field("select", c.select, "the best model by ndcg or by auc");
        field("valid_queries", c.valid_queries, Range{0, 1e9}, "of a validation; 0: all");
        field("seed", c.seed, "of every random choice");
    }
    void check() const;  // throws UsageError unless the heads divide the width
};

// An item that the memory does not have.
struct UnseenItem {
    // Its number.
    Token item;
    // Items like it that the memory has, with weights that sum to 1; or none.
    std::vector<std::pair<Token, Real>> like;
};

// The shares of items among the events before a time, by half-lives, in steps of time. A step is computed when it is
// first read, because recommending reads the last one alone. Several threads may read.
class PopularShares {
  public:
    static constexpr std::array half_lives{7.0, 30.0, 0.0};  // days; 0: no decay
    // The memory must outlive it. The logarithm of an unseen item is the mean over items like it, if any are.
    PopularShares(const EventMemory& memory, std::vector<UnseenItem> unseen);

    // The logarithms of the shares, for each half-life one after the other, at the beginning of the step of `when`.
    // Before the first event and behind the last one they are those of these times.
    std::span<const Real> at(Index when) const;
    std::span<const UnseenItem> unseen() const { return unseen_; }

  private:
    Index step_of(Index when) const;
    Matrix logs_at(Index when) const;  // [half-lives, items]

    Index items_, first_ = 0, last_, step_ = 1;
    std::vector<UnseenItem> unseen_;
    std::vector<DecayedCounts> counts_;         // of each half-life
    mutable std::vector<Matrix> logs_;          // of each step, empty before it is read
    std::unique_ptr<std::once_flag[]> filled_;  // of each step
};

class SequenceMemory final : public RecommendationModel {
  public:
    // Throws UsageError for settings out of their ranges.
    SequenceMemory(const SequenceMemoryConfig& config, Catalog catalog, Start start = Start::drawn);

    Settings settings() const override { return config_; }
    std::string name() const override { return "sequence model with a memory of events"; }
    std::string summary() const override;
    void remember(const EventMemory& memory) override;
    void score(std::span<const History> histories, View scores) const override;
    Explanation explain(const History& history, Token item) const override;
    Training training() const override { return Training::causal; }
    Index max_history() const override { return config_.max_history; }
    Selection selection() const override { return {config_.select, config_.valid_queries}; }
    Var loss(Tape& tape, const Events& events, std::span<const Window> windows, Rng& rng) const override;

  private:
    // Items that the memory names for some histories, with their features.
    struct Named {
        std::vector<Index> place{};  // row * items + item
        std::vector<Index> row{};    // of the histories
        std::vector<Real> x{};       // [named, features]
    };
    bool scores_new_items() const;  // by their features
    std::vector<UnseenItem> unseen_items() const;
    // Appends the items that the memory names for a history, with those that it does not have if `unseen`.
    void name_items(const History& history, Index row, Index when, bool unseen, std::span<Real> scratch,
                    Named& named) const;
    Index when_of(const History& history) const;
    Var scores(Var states, std::span<const History> histories, std::span<const Index> when) const;

    SequenceMemoryConfig config_;
    SequenceEncoder encoder_;
    Parameter* popular_;  // [1, half-lives], beside the gates
    Linear popular_gate_, inner_, inner_gate_, out_;
    const EventMemory* memory_ = nullptr;
    std::optional<PopularShares> shares_;
};

}  // namespace kvmem
