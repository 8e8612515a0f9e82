#include "tasks/recommendation/item_vectors.hpp"

#include "autograd/operation.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/kernels/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kvmem {

Var embed_rows(Tape& tape, const Parameter& table, std::span<const Token> tokens) {
    const auto offsets = tape.arena().take<Index>(std::ssize(tokens) + 1);
    std::iota(offsets.begin(), offsets.end(), Index{0});
    return embed_sum(tape, table, {tokens, offsets}, BagScale::sum);
}

std::vector<Token> all_tokens(Index count) {
    std::vector<Token> all(count);
    std::iota(all.begin(), all.end(), Token{0});
    return all;
}

Matrix with_column(Var x, std::optional<Var> column) {
    const ConstView all = concat_cols({x, column ? *column : ones(*x.tape, x.rows(), 1)}).value();
    Matrix copy(all.rows, all.cols);
    std::ranges::copy(all.span(), copy.data());
    return copy;
}

Matrix encoded_in_blocks(std::span<const History> histories,
                         const std::function<Var(Tape&, std::span<const History>)>& encode) {
    constexpr std::size_t size = 256;
    Matrix all;
    std::size_t first = 0;
    do {  // also without histories: the width is that of a block
        Tape tape;
        tape.set_training(false);
        const Matrix block =
            with_column(encode(tape, histories.subspan(first, std::min(size, histories.size() - first))));
        if (first == 0) all = Matrix(std::ssize(histories), block.cols());
        std::copy_n(block.data(), block.size(), all.row(static_cast<Index>(first)));
        first += size;
    } while (first < histories.size());
    return all;
}

namespace {
struct SetCrossEntropy {
    Var scores;
    View grad_scores;  // of a loss whose own gradient is 1

    void backward(Tape&, Var out) const { accumulate(scores.grad(), out.grad().data[0], grad_scores); }
};
}  // namespace

// With the loss and gradient of the first target alone, those of m targets are m times as large, but for the scores and
// the columns of the targets.
Var set_cross_entropy(Var scores, RaggedView<Index> targets, Index max_weight) {
    Tape& tape = Tape::of("set_cross_entropy", {scores});
    require_shape(targets.size() == scores.rows(), "set_cross_entropy", "targets for each row");
    std::vector<Index> first;
    for (Index i = 0; i < targets.size(); ++i) {
        require_shape(!targets[i].empty(), "set_cross_entropy", "a target for each row");
        first.push_back(targets[i].front());
    }
    const SetCrossEntropy saved{scores, tape.arena().matrix(scores.rows(), scores.cols())};
    const auto losses = tape.arena().take<Real>(scores.rows());
    cross_entropy(scores.value(), first, {}, losses, saved.grad_scores);
    double sum = 0;
    for (Index i = 0; i < targets.size(); ++i) {
        const Index count = std::ssize(targets[i]);
        const Real weight = static_cast<Real>(std::min(count, max_weight)) / static_cast<Real>(count);
        const Real all = weight * static_cast<Real>(count);
        const std::span grad(saved.grad_scores.row(i), static_cast<std::size_t>(scores.cols()));
        if (all != 1)
            for (Real& g : grad) g *= all;
        grad[first[i]] += all;
        sum += double{all} * double{losses[i]};
        for (const Index target : targets[i]) {
            require_shape(target >= 0 && target < scores.cols(), "set_cross_entropy", "targets that are columns");
            grad[target] -= weight;
            sum += double{weight} * (double{scores.value()(i, first[i])} - double{scores.value()(i, target)});
        }
    }
    const Var out = tape.record(1, 1, scores.needs_grad(), saved);
    out.mutable_value().data[0] = static_cast<Real>(sum);
    return out;
}

static double xavier(Index rows, Index cols) { return std::sqrt(2 / static_cast<double>(rows + cols)); }

// The column of a feature, or null.
static const FeatureColumn* column_of(const ObjectGroup& group, Index feature) {
    const auto at = std::ranges::find(group.columns, feature, &FeatureColumn::feature);
    return at == group.columns.end() ? nullptr : &*at;
}

ItemVectors::ItemVectors(Parameters& parameters, const Catalog& catalog, Index width, bool features, bool groups,
                         std::uint64_t seed, std::optional<double> deviation)
    : catalog_(&catalog), objects_(catalog.groups.size()) {
    const auto add = [&](const std::string& name, Index rows) {
        return &parameters.add_normal(name, rows, width, deviation.value_or(xavier(rows, width)), seed);
    };
    objects_[catalog.group] = add("item", catalog.items());
    for (std::size_t g = 0; groups && g < catalog.groups.size(); ++g)
        if (!objects_[g]) objects_[g] = add("group." + catalog.groups[g].name, catalog.groups[g].size());
    for (Index f = 0; features && f < std::ssize(catalog.features); ++f) {
        const bool of_items = column_of(catalog.objects(), f) != nullptr;
        const bool of_others = groups && std::ranges::any_of(catalog.groups, [&](const ObjectGroup& group) {
                                   return column_of(group, f) != nullptr;
                               });
        if (!of_items && !of_others) continue;
        const Feature& feature = catalog.features[f];
        (of_items ? features_ : others_).push_back({f, add("feature." + feature.name, feature.values.size())});
    }
}

Var ItemVectors::feature_rows(Tape& tape, const FeatureTable& feature, Index group,
                              std::span<const Token> objects) const {
    const FeatureColumn& column = *column_of(catalog_->groups[group], feature.feature);
    Ragged<Token> bags;
    for (const Token object : objects) bags.push_row(column.rows[object]);
    return embed_sum(tape, *feature.table, bags, BagScale::mean);
}

Var ItemVectors::sums(Tape& tape, std::span<const Token> items) const {
    Var sum = embed_rows(tape, item(), items);
    for (const FeatureTable& feature : features_) sum = sum + feature_rows(tape, feature, catalog_->group, items);
    return sum;
}

Var ItemVectors::all_sums(Tape& tape, double drop) const {
    Var sum = drop_rows(tape.parameter(item()), features_.empty() ? 0 : drop);
    for (const FeatureTable& feature : features_)
        sum = sum + feature_rows(tape, feature, catalog_->group, all_tokens(item().value.rows()));
    return sum;
}

// A bag is empty where the object is of another group, or has no value.
Var ItemVectors::sums(Tape& tape, std::span<const Index> groups, std::span<const Token> objects, double drop) const {
    std::optional<Var> sum;
    const auto add = [&](const Parameter& table, const auto& push) {
        Ragged<Token> bags;
        for (std::size_t i = 0; i < objects.size(); ++i) {
            push(bags, i);
            bags.end_row();
        }
        const Var part = embed_sum(tape, table, bags, BagScale::mean);
        sum = sum ? *sum + part : part;
    };
    for (Index g = 0; g < std::ssize(objects_); ++g)
        if (objects_[g])
            add(*objects_[g], [&](Ragged<Token>& bags, std::size_t i) {
                if (groups[i] == g) bags.values.push_back(objects[i]);
            });
    *sum = drop_rows(*sum, features_.empty() ? 0 : drop);
    for (const std::vector<FeatureTable>* tables : {&features_, &others_})
        for (const FeatureTable& feature : *tables)
            add(*feature.table, [&](Ragged<Token>& bags, std::size_t i) {
                const FeatureColumn* column = column_of(catalog_->groups[groups[i]], feature.feature);
                if (!column) return;
                const std::span<const Token> values = column->rows[objects[i]];
                bags.values.insert(bags.values.end(), values.begin(), values.end());
            });
    return *sum;
}

// The tables of the features that a group has.
std::vector<ItemVectors::FeatureTable> ItemVectors::tables_of(Index group) const {
    std::vector<FeatureTable> tables;
    for (const std::vector<FeatureTable>* some : {&features_, &others_})
        for (const FeatureTable& table : *some)
            if (column_of(catalog_->groups[group], table.feature)) tables.push_back(table);
    return tables;
}

Index ItemVectors::row_width(Index group) const { return item().value.cols() * (1 + std::ssize(tables_of(group))); }

Var ItemVectors::rows(Tape& tape, Index group, std::span<const Token> objects) const {
    std::vector<Var> parts{embed_rows(tape, *objects_[group], objects)};
    for (const FeatureTable& feature : tables_of(group)) parts.push_back(feature_rows(tape, feature, group, objects));
    return parts.size() == 1 ? parts.front() : concat_cols(parts);
}

}  // namespace kvmem
