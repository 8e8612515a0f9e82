// ATRank (Zhou et al. 2018, arXiv 1711.06632) as its authors' program has it, for any features of items.
//
//     e_i     = [item vector; a vector for each feature, the mean of its values]
//     bucket_j = the number of n in 2, 4, .. 4096 with n <= days(j) + 1
//     token_j = W_g [e_j; onehot(bucket_j)] + b_g, with g the group of j
//
//     block(q, m) = norm(y + feed-forward(y))
//     y = norm(q + heads of softmax(relu(Wq q) . relu(Wk m) / sqrt(d)) relu(Wv m))
//
//     h = block(token, token)
//     u_i = block'(e_i, h)
//     s(i) = b_i + u_i . e_i
//
// With `groups`, histories have the events of all groups, each with a map W_g of its own into one space, and so have
// candidates: e_i is then the token of i without a time. One network is trained with targets of all groups, whose
// negatives are of the same group. Otherwise histories are of items alone.
//
// days(j) are from event j to the recommendation. Heads have no output projection. Order enters through time alone. A
// history is encoded once for all candidates, and nothing is padded. The loss is the binary cross-entropy of each
// target and of one item that the user never has, and l2 times the squares of u and e.
#pragma once

#include "kvmem/nn/layers.hpp"
#include "kvmem/tasks/recommendation/model.hpp"

#include <memory>
#include <optional>

namespace kvmem {

class ItemVectors;

struct AtRankConfig {
    static constexpr const char* kind = "atrank";

    Index width = 64;
    Index heads = 8;
    Index inner = 32;
    Index blocks = 1;
    Index max_history = 50;
    double l2 = 8e-4;
    double dropout = 0;
    bool redraw = false;
    bool actions = true;
    bool groups = false;
    Select select = Select::auc;
    Index valid_queries = 0;
    std::uint64_t seed = 1;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("width", c.width, Range{1, 8192}, "of an item's vector, and of each feature's");
        field("heads", c.heads, Range{1, 64}, "of attention");
        field("inner", c.inner, Range{1, 65536}, "width within the feed-forward layers");
        field("blocks", c.blocks, Range{0, 16}, "of self-attention");
        field("max_history", c.max_history, Range{1, 65536}, "last events of a history that are read");
        field("l2", c.l2, Range::from(0), "weight of the squares of a target's vectors, half of their sum");
        field("dropout", c.dropout, Range::below(0, 1), "of attention weights");
        field("redraw", c.redraw, "draw other negatives in each epoch");
        field("actions", c.actions, "read the actions of events, where there are several");
        field("groups", c.groups, "read and train events of all groups, where there are several");
        field("select", c.select, "the best model by ndcg or by auc");
        field("valid_queries", c.valid_queries, Range{0, 1e9}, "of a validation; 0: all");
        field("seed", c.seed, "of every random choice");
    }
};

class AtRank final : public RecommendationModel {
  public:
    // Throws UsageError for settings out of their ranges, or heads that do not divide the width of a token.
    AtRank(const AtRankConfig& config, Catalog catalog, Start start = Start::drawn);
    ~AtRank() override;

    Settings settings() const override { return config_; }
    std::string name() const override { return "attention over heterogeneous behaviours (ATRank)"; }
    std::string summary() const override;
    void score(std::span<const History> histories, View scores) const override;
    void score(const Candidates& candidates, std::span<Real> scores) const override;
    Explanation explain(const History& history, Token item) const override;
    Training training() const override { return Training::each; }
    Index max_history() const override { return config_.max_history; }
    Selection selection() const override { return {config_.select, config_.valid_queries}; }
    bool trains_all_groups() const override { return config_.groups; }
    Var loss(Tape& tape, const Events& events, std::span<const Window> windows, Rng& rng) const override;

  private:
    struct Block {
        Block(Parameters& parameters, const std::string& name, Index width, const AtRankConfig& config);
        // The output of its queries, and the projected memory.
        struct Read {
            Var out, key;  // [queries, width], [slots, width]
        };
        // Queries and their projections read the memory.
        Var project(Var query) const;
        Read operator()(Var query, Var projected, Var memory, const Segments& segments, double dropout) const;
        AttendOptions how() const;

        Index heads, width;
        Linear query, key, value;
        LayerNorm attention_norm, inner_norm;
        FeedForward inner;
    };
    // The encoded events of histories: [events, width], and whose they are.
    struct Encoded {
        Var memory;
        std::vector<Index> offsets;
        std::vector<Index> event;
    };
    // Objects of groups, one of each for each.
    struct Objects {
        std::vector<Index> groups{};
        std::vector<Token> objects{};
        void add(Index group, Token object) {
            groups.push_back(group);
            objects.push_back(object);
        }
    };
    Var tokens(Tape& tape, const Objects& all, Matrix ages) const;  // [objects, width] with ages [objects, buckets]
    bool reads(Index group) const { return maps_.size() > 1 || group == catalog().group; }
    Encoded encode(Tape& tape, std::span<const History> histories) const;
    // What candidates are without a history: [candidates, width], their projections, and [candidates, 1].
    struct Rows {
        Var item, query, bias;
    };
    Rows rows_of(Tape& tape, const Objects& candidates) const;
    Rows rows_of(Tape& tape, std::span<const Token> items) const;
    // Candidates that have read encoded histories: [candidates, width], [candidates, 1], and the keys of the last
    // attention.
    struct Judged {
        Var user, logit, key;
    };
    Judged judge(const Rows& rows, Var memory, const Segments& segments) const;

    AtRankConfig config_;
    std::unique_ptr<ItemVectors> vectors_;
    Parameter* action_ = nullptr;     // null unless several are read
    std::vector<Linear> maps_;        // of each group, or of the items alone
    std::vector<Parameter*> biases_;  // likewise
    std::vector<Block> self_;
    std::optional<Block> vanilla_;
};

}  // namespace kvmem
