// Vectors of items: each item's own, and those of its features. Not installed.
#pragma once

#include "kvmem/nn/layers.hpp"
#include "kvmem/tasks/recommendation/model.hpp"
#include "nn/row_ops.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// A row of the table for each token: [tokens, width]. The table's gradient is sparse.
[[nodiscard]] Var embed_rows(Tape& tape, const Parameter& table, std::span<const Token> tokens);
// All objects of a group, in their order.
[[nodiscard]] std::vector<Token> all_tokens(Index count);
// The values of x [rows, n] and behind them a column, which is of ones if it is not given: [rows, n + 1].
[[nodiscard]] Matrix with_column(Var x, std::optional<Var> column = {});
// with_column() of what encode(tape, some of the histories) gives, in blocks, so that memory holds one tape of a block.
[[nodiscard]] Matrix encoded_in_blocks(std::span<const History> histories,
                                       const std::function<Var(Tape&, std::span<const History>)>& encode);
// The sum over the rows of scores [B, n] and the targets of each of -log softmax(scores[i])[target]: [1, 1]. The
// targets of a row are one or more, and different ones. Those of a row of more than `max_weight` count as much as that.
[[nodiscard]] Var set_cross_entropy(Var scores, RaggedView<Index> targets, Index max_weight);
// A basket counts as this many items at most, because the first 10 recommendations hold no more.
inline constexpr Index max_basket_weight = 10;

// The tables of items and of the values of their features.
class ItemVectors {
  public:
    // Adds the parameters "item" [items, width] and, with features, "feature.<name>" [values, width] for each column of
    // the items; with `groups`, those of the other groups' columns, and "group.<name>" of their objects, too. They
    // begin normal with the deviation, or as Xavier's without one.
    ItemVectors(Parameters& parameters, const Catalog& catalog, Index width, bool features, bool groups,
                std::uint64_t seed, std::optional<double> deviation = {});

    // The sum of an item's vector and the means of its features' vectors: [items, width]. Of items with features,
    // a share `drop` of the items' own vectors is left out while the tape is training.
    [[nodiscard]] Var sums(Tape& tape, std::span<const Token> items) const;
    [[nodiscard]] Var all_sums(Tape& tape, double drop = 0) const;
    // Such sums of objects of any groups: [objects, width]. An object without a table has the features' alone.
    [[nodiscard]] Var sums(Tape& tape, std::span<const Index> groups, std::span<const Token> objects,
                           double drop = 0) const;
    // The same vectors side by side: [items, width * (1 + features)]; of a group's objects likewise, with `groups`.
    [[nodiscard]] Var rows(Tape& tape, std::span<const Token> items) const {
        return rows(tape, catalog_->group, items);
    }
    [[nodiscard]] Var rows(Tape& tape, Index group, std::span<const Token> objects) const;
    Index row_width() const { return row_width(catalog_->group); }
    Index row_width(Index group) const;
    Parameter& item() const { return *objects_[catalog_->group]; }

  private:
    struct FeatureTable {
        Index feature;  // of the catalog
        Parameter* table;
    };
    Var feature_rows(Tape& tape, const FeatureTable& feature, Index group, std::span<const Token> objects) const;
    std::vector<FeatureTable> tables_of(Index group) const;

    const Catalog* catalog_;
    std::vector<Parameter*> objects_;     // of each group; null: it has none
    std::vector<FeatureTable> features_;  // of the items
    std::vector<FeatureTable> others_;    // that only other groups have
};

}  // namespace kvmem
