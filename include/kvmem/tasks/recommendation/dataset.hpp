// Data sets of events: what users did with objects, and when (datasets/README.md has the file).
//
// An event is a row of equally long columns. A user's events are one range, sorted by time, so that a history is a
// range that ends somewhere in it. Several threads may read a data set at once.
#pragma once

#include "kvmem/core/ragged.hpp"
#include "kvmem/io/dataset_info.hpp"
#include "kvmem/tasks/recommendation/names.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvmem {

// A feature, such as "category", with the names of its values. Groups with the same feature share it, and so a model's
// table of its values.
struct Feature {
    std::string name;  // of a-z, 0-9, "_" and "-"; so are those of groups
    Names values;      // of all groups and users
    // Whether names are equal.
    bool operator==(const Feature&) const = default;
};

// The values of one feature for all objects of a group.
struct FeatureColumn {
    Index feature = 0;   // a number in EventsDataset::features
    Ragged<Token> rows;  // a row for each object: the numbers of its values; none, one or several
    // Whether all rows are equal.
    bool operator==(const FeatureColumn&) const = default;
};

// Objects of one kind: items, queries, coupons; or the users.
struct ObjectGroup {
    std::string name;                    // "item"
    Names ids;                           // of its objects, as they were imported
    std::vector<std::string> texts;      // to show instead of the ids, "" where the id is shown; or none at all
    std::vector<FeatureColumn> columns;  // their features rise

    // The number of objects.
    Index size() const { return ids.size(); }
    // The text of an object, or its id.
    const std::string& shown(Token object) const;
    // Whether all contents are equal.
    bool operator==(const ObjectGroup&) const = default;
};

// The object of an id, of a text in any case, or of a part of one text alone. Throws Error.
Token object_named(const ObjectGroup& group, std::string_view text);

// What an event is for. The numbers are those of files.
enum class EventMark : std::uint8_t {
    none = 0,   // no target: it is in the histories of later events alone
    train = 1,  // a target of training; counts and memories are made of these events
    valid = 2,  // a target that chooses
    test = 3    // a target that is reported
};

// Events sorted by user, then by time, then in the order of the file that they come from.
struct Events {
    std::vector<Index> user_offsets{0};  // those of user u are [user_offsets[u], user_offsets[u + 1])
    // One entry for each event.
    std::vector<std::uint8_t> group;   // a number in EventsDataset::groups
    std::vector<Token> object;         // a number in the group
    std::vector<std::uint8_t> action;  // a number in EventsDataset::actions
    std::vector<Index> time;           // seconds since 1970-01-01 UTC, from min_time to max_time
    std::vector<EventMark> mark;       // its split
    // One entry for each event, or none at all.
    std::vector<double> value;  // finite: a rating, a quantity; 0 where it is not known
    // The events of a basket follow each other and have one time. Baskets are numbered from 0 in the order of the
    // events; -1: the event is in no basket.
    std::vector<Token> basket;
    // Of events made up: the probability of the object among all of its group, given all before and the action, and its
    // rank by these probabilities, from 1, ties averaged. Both are 0 where they are not known.
    std::vector<double> true_probability, true_rank;

    // The years 1 to 9999.
    static constexpr Index min_time = -62135596800, max_time = 253402300799;

    // The number of events.
    Index size() const { return static_cast<Index>(object.size()); }
    // The number of users.
    Index users() const { return static_cast<Index>(user_offsets.size()) - 1; }
    // A user's first event, and one past the last.
    std::pair<Index, Index> of_user(Index user) const {
        const auto u = static_cast<std::size_t>(user);
        return {user_offsets[u], user_offsets[u + 1]};
    }
    // The user of an event.
    Index user_of(Index event) const;
    // One past the user's last event before `when`: the end of the history for a target at that time. Events of the
    // same second, such as others of the same basket, are not in it.
    Index history_end(Index user, Index when) const;
    // One past the last event of the basket of `event`; event + 1 if it is in none.
    Index basket_end(Index event) const;
    // Whether an event shares its second with a neighbour of the same user that is not of its basket.
    bool is_tied(Index event) const;
    // The events with this mark; they rise.
    std::vector<Index> marked(EventMark mark) const;

    // Whether all columns are equal.
    bool operator==(const Events&) const = default;
};

// A kvmem-events file.
struct EventsDataset {
    DatasetInfo info;                  // what the file says about itself
    std::vector<Feature> features;     // of users and groups; names differ
    ObjectGroup users;                 // its name is "user"
    std::vector<ObjectGroup> groups;   // 1 to 255; names differ
    std::vector<std::string> actions;  // "buy", "view"; 1 to 255; names differ
    Events events;                     // of all users

    // The number of the group or action of this name. They throw Error with the names that exist.
    Index group_named(const std::string& name) const;
    Index action_named(const std::string& name) const;
    // The column of this feature, or nullptr. The pointer is valid as long as the group.
    const FeatureColumn* column(const ObjectGroup& group, const std::string& feature) const;

    // Throws Error unless every number, offset, length and order is consistent.
    void validate(const std::string& where) const;

    // Whether all contents are equal.
    bool operator==(const EventsDataset&) const = default;
};

// Reads a kvmem-events file without trust in its contents. Throws Error that says what is wrong with the file, also for
// contents larger than half of the memory that this process may have. Any thread may call it.
EventsDataset load_events(const std::filesystem::path& path);
// The same for a file's bytes; `name` stands for the path in errors.
EventsDataset load_events(std::span<const std::byte> bytes, const std::string& name);

// Replaces `path` by a kvmem-events file, all or nothing. Throws Error.
void save_events(const EventsDataset& dataset, const std::filesystem::path& path);

}  // namespace kvmem
