// New events for the memory of a recommender, without training.
#pragma once

#include "kvmem/tasks/recommendation/dataset.hpp"

#include <span>
#include <string>

namespace kvmem {

// An event of a user whom the data set has, or of a new one.
struct UserEvent {
    std::string user;         // an id
    std::string item;         // as object_named() finds it
    Index time = 0;           // seconds since 1970-01-01 UTC
    std::string action = {};  // "": the one that is most frequent in training
};

// Adds events with objects of a group, behind those of the same user and second. They count as training events. New
// users are numbered as they come. `group` is a number in EventsDataset::groups. Throws Error, with nothing changed,
// for an empty user, an object or action that the data set does not have, and a time out of range.
void add_events(EventsDataset& dataset, Index group, std::span<const UserEvent> added);

// The action that is most frequent in training among events with objects of the group; 0 without any.
std::uint8_t usual_action(const EventsDataset& dataset, Index group);

}  // namespace kvmem
