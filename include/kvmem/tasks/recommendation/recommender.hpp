// Recommender: what users will take next, with names and the past events that each recommendation rests on.
#pragma once

#include "kvmem/tasks/recommendation/add_items.hpp"
#include "kvmem/tasks/recommendation/evaluate.hpp"
#include "kvmem/tasks/recommendation/model.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// What is wanted of a recommendation.
struct RecommendOptions {
    // The length of the list, its candidates, and whether reasons are given.
    Index k = 10;
    bool seen = true;                     // whether items of the history are candidates
    std::vector<std::uint8_t> allowed{};  // for each item whether it is a candidate; empty: all are
    bool explain = false;
};

// A past event and its weight in a row of an Explanation.
struct Reason {
    // The row, the event and its weight.
    std::string name;  // "head 1", "co-occurrence"
    Index event = 0;   // a number in the history's events
    Real weight = 0;
};

// An item of a list.
struct Recommendation {
    // The item, and the model's score.
    Token item = 0;
    Real score = 0;
    std::vector<Reason> reasons{};  // by row of the explanation, the largest weights first
};

// An event of a user who is not in the data set, with the action that is most frequent in training. Without a time it
// is now.
struct TypedEvent {
    // The item, and the second of the event.
    std::string item;  // an id, the text of an item in any case, or a part of one text alone
    std::optional<Index> time{};
};

// A model with the events of a data set, which are its memory. Several threads may use it at once.
class Recommender {
  public:
    // Takes both. Throws Error when the data set's items, features or actions are not those of the model.
    Recommender(std::unique_ptr<RecommendationModel> model, EventsDataset dataset);

    // Adds items to the data set and the model, as add_items() and with_items() do; from now on they are recommended
    // like others. Not beside other calls. References and histories from before are no longer valid. Returns how many
    // values were left out. Throws Error, with nothing changed, as add_items() does.
    Index add_items(std::span<const NewItem> items);

    // What it was made of. The references are valid until add_items().
    const RecommendationModel& model() const { return *model_; }
    const EventsDataset& dataset() const { return *dataset_; }
    // One second after the last event: the usual time of a recommendation.
    Index now() const { return memory_->last_time() + 1; }

    // The history of a user of the data set before a time. Valid as long as this. Throws Error for an unknown user.
    History history_of(std::string_view user, Index when) const;
    // The events of another user, sorted by time; History{&events, 0, events.size(), when} is the history. Throws Error
    // for an item that is not known or is one of several.
    Events events_of(std::span<const TypedEvent> typed, Index when) const;
    // The item that a text names, as in TypedEvent. Throws Error.
    Token item_named(std::string_view text) const;

    // For each history the k best candidates, the best first; of equal scores the first item. The bits of a result do
    // not depend on the other histories. Runs on all threads. Throws Error for options that do not fit.
    std::vector<std::vector<Recommendation>> recommend(std::span<const History> histories,
                                                       const RecommendOptions& options = {}) const;

  private:
    std::vector<Recommendation> choose(const History& history, std::span<Real> scores,
                                       const RecommendOptions& options) const;

    std::unique_ptr<RecommendationModel> model_;
    std::unique_ptr<const EventsDataset> dataset_;  // stays where it is when this is moved: the next two refer to it
    std::unique_ptr<const EventMemory> memory_;
    std::uint8_t typed_action_;  // that of typed events
};

}  // namespace kvmem
