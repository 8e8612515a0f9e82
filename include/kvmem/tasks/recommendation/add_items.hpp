// New items for a trained recommender, known by their features, without training.
#pragma once

#include "kvmem/tasks/recommendation/model.hpp"

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kvmem {

// An item that the data set does not have yet.
struct NewItem {
    // Its id, and the text to show instead, or "".
    std::string id;
    std::string text = {};
    std::vector<std::pair<std::string, std::string>> values = {};  // names of features, and a value of each
};

// Adds items behind those of a group. `group` is a number in EventsDataset::groups. Returns how many values were left
// out because the data set does not have them: nothing was learned of them. Throws Error, with nothing changed, for no
// group of the data set, for an id that is empty or known, for an id or a text that is not UTF-8, and for a feature
// that the group does not have.
Index add_items(EventsDataset& dataset, Index group, std::span<const NewItem> added);

// The model with the items that `catalog` has beyond its own. The own vector and the bias of each are means over the 10
// of the model's items that are most like it by their features, of which rare values count more; without any they are
// 0. So it is scored as items like it are (Volkovs et al. 2017 train models for that; see
// models/sequence_memory.hpp). Its memory is to be remembered anew. Throws Error unless the catalog begins with the
// model's items and has its features, other groups and actions.
[[nodiscard]] std::unique_ptr<RecommendationModel> with_items(const RecommendationModel& model, Catalog catalog);

}  // namespace kvmem
