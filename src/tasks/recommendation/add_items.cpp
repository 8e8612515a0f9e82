#include "kvmem/tasks/recommendation/add_items.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/text.hpp"
#include "tasks/recommendation/items_like.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace kvmem {

// --- data set

// The place among the group's columns of a feature.
static std::size_t column_named(const EventsDataset& dataset, const ObjectGroup& group, const std::string& feature) {
    std::string names;
    for (std::size_t i = 0; i < group.columns.size(); ++i) {
        const std::string& name = dataset.features[group.columns[i].feature].name;
        if (name == feature) return i;
        names += (names.empty() ? "" : ", ") + name;
    }
    throw Error({.what = "items have no such feature",
                 .expected = names.empty() ? "no feature at all" : "one of " + names,
                 .got = feature});
}

static void add_item(const EventsDataset& dataset, ObjectGroup& group, const NewItem& item, Index& left_out) {
    if (item.id.empty() || group.ids.find(item.id))
        throw Error({.what = item.id.empty() ? "a new item's id is empty" : "a new item's id is known already",
                     .expected = "an id that the data set does not have",
                     .got = item.id});
    for (const std::string& text : {item.id, item.text})
        if (const std::size_t at = invalid_utf8_at(text); at != text.npos)
            throw Error({.what = "a new item's id or text is not UTF-8",
                         .expected = "UTF-8",
                         .got = "another byte at " + std::to_string(at)});
    const Token number = group.ids.add(item.id);
    if (!item.text.empty()) group.texts.resize(number);
    if (!group.texts.empty()) group.texts.push_back(item.text);
    std::vector<std::vector<Token>> rows(group.columns.size());
    for (const auto& [feature, value] : item.values) {
        const std::size_t at = column_named(dataset, group, feature);
        const auto known = dataset.features[group.columns[at].feature].values.find(value);
        known ? rows[at].push_back(*known) : void(++left_out);
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
        std::ranges::sort(rows[i]);
        rows[i].erase(std::unique(rows[i].begin(), rows[i].end()), rows[i].end());
        group.columns[i].rows.push_row(rows[i]);
    }
}

Index add_items(EventsDataset& dataset, Index group, std::span<const NewItem> added) {
    require_shape(group >= 0 && group < std::ssize(dataset.groups), "add_items", "a group of the data set");
    ObjectGroup grown = dataset.groups[group];
    Index left_out = 0, number = 0;
    try {
        for (const NewItem& item : added) ++number, add_item(dataset, grown, item, left_out);
    } catch (const Error& e) {
        Problem problem = e.problem();
        problem.where = "new item " + std::to_string(number);
        throw Error(problem);
    }
    dataset.groups[group] = std::move(grown);
    return left_out;
}

// --- model

static void require_grown(const Catalog& old, const Catalog& grown) {
    const auto begins_with = [](const auto& all, const auto& first) {
        return all.size() >= first.size() && std::equal(first.begin(), first.end(), all.begin());
    };
    Catalog rest = grown;
    bool fits = grown.group == old.group && grown.groups.size() == old.groups.size() &&
                begins_with(grown.objects().ids.all(), old.objects().ids.all()) &&
                grown.objects().columns.size() == old.objects().columns.size();
    for (std::size_t i = 0; fits && i < old.objects().columns.size(); ++i) {
        const FeatureColumn &column = grown.objects().columns[i], &first = old.objects().columns[i];
        fits = column.feature == first.feature && begins_with(column.rows.offsets, first.rows.offsets) &&
               begins_with(column.rows.values, first.rows.values);
    }
    if (fits) rest.groups[rest.group] = old.objects();
    if (!fits || rest != old)
        throw Error({.what = "the items are not the model's and new ones behind them",
                     .expected = "the items, features and actions that the model was trained with",
                     .got = "others"});
}

// Copies a parameter. What a new item has more than the old ones are means over those.
static void copy_grown(ConstView old, View grown, std::span<const std::vector<LikeItem>> likes) {
    const bool by_columns = grown.cols > old.cols;  // a bias of all items as a row
    for (Index row = 0; row < old.rows; ++row) std::copy_n(old.row(row), old.cols, grown.row(row));
    const Index first = by_columns ? old.cols : old.rows;
    for (Index i = 0; i < (by_columns ? grown.cols : grown.rows) - first; ++i)
        for (const auto& [item, weight] : likes[i])
            for (Index k = 0; k < (by_columns ? old.rows : old.cols); ++k)
                by_columns ? void(grown(k, first + i) += weight * old(k, item))
                           : void(grown(first + i, k) += weight * old(item, k));
}

std::unique_ptr<RecommendationModel> with_items(const RecommendationModel& model, Catalog catalog) {
    require_grown(model.catalog(), catalog);
    const Index old = model.catalog().items();
    auto grown = make_recommendation_model(model.settings(), std::move(catalog), Start::zeros);
    std::vector<std::uint8_t> is_old(grown->catalog().items());
    std::fill_n(is_old.begin(), old, std::uint8_t{1});
    std::vector<Token> items(static_cast<std::size_t>(grown->catalog().items() - old));
    std::iota(items.begin(), items.end(), static_cast<Token>(old));
    const std::vector<std::vector<LikeItem>> likes = items_like(grown->catalog().objects(), items, is_old);
    auto to = grown->parameters().begin();
    for (const Parameter& from : model.parameters()) copy_grown(from.value, (to++)->value, likes);
    return grown;
}

}  // namespace kvmem
