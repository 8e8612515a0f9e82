// Self-attentive sequential recommendation (Kang and McAuley 2018): a causal encoder of histories.
//
//     x_t = object vector + features' vectors + action vector + position vector
//     x   = x + attention(norm(x)), x = x + feed-forward(norm(x)), in each of the layers, and norm at the end
//     s(i) = h . item vector(i) + b_i, with h the row of the history's last event
//
// Events of all groups are read, and the items are scored. All targets of a window are trained in one pass, and nothing
// is padded. A target that shares its basket with others reads the events before the basket.
//
// The loss decides more than the network does (Klenitskiy and Vasilev 2023): cross-entropy over all items, over the
// target and negatives that the targets of a pass share, or the paper's binary one with one negative of its own.
#pragma once

#include "kvmem/nn/multi_head_attention.hpp"
#include "kvmem/tasks/recommendation/model.hpp"

#include <optional>
#include <vector>

namespace kvmem {

class ItemVectors;

// Cross-entropy over all items, over the target and sampled ones, or of the target and one sampled item as two answers.
enum class SequenceLoss { softmax, sampled, bce };
inline std::span<const char* const> choices(SequenceLoss) {
    static constexpr const char* names[] = {"softmax", "sampled", "bce"};
    return names;
}

struct SasRecConfig {
    static constexpr const char* kind = "sasrec";

    Index width = 64;
    Index heads = 2;
    Index layers = 2;
    Index max_history = 50;
    double dropout = 0.2;
    double drop_items = 0;
    SequenceLoss loss = SequenceLoss::sampled;
    Index negatives = 256;
    bool features = true;
    Select select = Select::ndcg;
    Index valid_queries = 2000;
    std::uint64_t seed = 1;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("width", c.width, Range{1, 8192}, "of the vectors");
        field("heads", c.heads, Range{1, 64}, "of attention");
        field("layers", c.layers, Range{1, 16}, "of attention");
        field("max_history", c.max_history, Range{1, 65536}, "last events of a history that are read");
        field("dropout", c.dropout, Range::below(0, 1), "of vectors, of attention and of the layers' results");
        field("drop_items", c.drop_items, Range::below(0, 1),
              "share of items that training reads by their features alone");
        field("loss", c.loss, "softmax of all items, sampled softmax, or bce with one negative");
        field("negatives", c.negatives, Range{1, 1e6}, "of a sampled softmax, for all targets of a pass");
        field("features", c.features, "read the features of items");
        field("select", c.select, "the best model by ndcg or by auc");
        field("valid_queries", c.valid_queries, Range{0, 1e9}, "of a validation; 0: all");
        field("seed", c.seed, "of every random choice");
    }
    void check() const;  // throws UsageError unless the heads divide the width
};

// The encoder alone, for models that add to its scores.
class SequenceEncoder {
  public:
    // Adds the parameters: item, group.*, feature.*, action, position, layer-N.*, norm.*, bias.
    SequenceEncoder(Parameters& parameters, const Catalog& catalog, const SasRecConfig& config);
    ~SequenceEncoder();

    // The rows of histories: the last events of each, of any group.
    struct Rows {
        // What each row is: its group, its object and its action.
        std::vector<Index> groups{};
        std::vector<Token> objects{}, actions{};
        std::vector<Index> event{};     // the number of each row's event
        std::vector<Index> offsets{0};  // of the histories' rows
        // Appends the last events of a history, at most `max`.
        void add(const History& history, Index max);
    };
    // The states [rows, width], each of its own row and the ones before it in its history.
    [[nodiscard]] Var states(Tape& tape, const Rows& rows) const;
    // The state of each history's last row: [histories, width]; zeros where it has none.
    [[nodiscard]] Var last_states(Tape& tape, const Rows& rows) const;
    // The scores [states, items].
    [[nodiscard]] Var scores(Var states) const;
    // The vectors of all items with their biases: [items, width + 1]. Any thread may call it while none trains.
    [[nodiscard]] Matrix item_vectors() const;
    // The loss of targets, of which each reads a row of the states.
    [[nodiscard]] Var loss(Var states, const Ragged<Index>& targets, std::span<const History> histories,
                           Rng& rng) const;
    // The weights that the last row's heads give the rows of the last layer: [heads, rows].
    [[nodiscard]] Matrix attention(const Rows& rows) const;

    // The settings.
    const SasRecConfig& config() const { return config_; }

  private:
    struct Layer {
        LayerNorm attention_norm, inner_norm;
        MultiHeadAttention attention;
        FeedForward inner;
    };
    Var embed(Tape& tape, const Rows& rows) const;

    SasRecConfig config_;
    Index group_, items_;
    std::unique_ptr<ItemVectors> vectors_;
    Parameter *action_ = nullptr, *position_, *bias_;  // action: null of one action
    std::vector<Layer> layers_;
    std::optional<LayerNorm> norm_;
};

class SasRec final : public RecommendationModel {
  public:
    // Throws UsageError for settings out of their ranges.
    SasRec(const SasRecConfig& config, Catalog catalog, Start start = Start::drawn);

    Settings settings() const override { return config_; }
    std::string name() const override { return "self-attentive sequence model (SASRec)"; }
    std::string summary() const override;
    void score(std::span<const History> histories, View scores) const override;
    Explanation explain(const History& history, Token item) const override;
    Matrix item_vectors() const override { return encoder_.item_vectors(); }
    Matrix history_vectors(std::span<const History> histories) const override;
    Training training() const override { return Training::causal; }
    Index max_history() const override { return config_.max_history; }
    Selection selection() const override { return {config_.select, config_.valid_queries}; }
    Var loss(Tape& tape, const Events& events, std::span<const Window> windows, Rng& rng) const override;

  private:
    SasRecConfig config_;
    SequenceEncoder encoder_;
};

// The targets of windows beside the rows that they read: what a causal model is trained with.
struct CausalTargets {
    // The rows of all histories, and which of them have targets.
    SequenceEncoder::Rows rows;
    std::vector<Index> read;         // rows with targets, rising
    Ragged<Index> targets;           // of each of them, different items
    std::vector<History> histories;  // of each of them
};
// Those of some windows, of items of one group.
[[nodiscard]] CausalTargets causal_targets(const Events& events, std::span<const Window> windows, Index group);

}  // namespace kvmem
