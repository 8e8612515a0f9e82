// EventsBuilder: a data set of events from rows in any order.
#pragma once

#include "kvmem/tasks/recommendation/dataset.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace kvmem {

// One event by its names. The texts need to live during the call alone.
struct EventRow {
    // As in Events.
    std::string_view user, object;
    Index time = 0;
    std::string_view group = "item";
    std::string_view action = "event";
    std::optional<double> value{};
    std::string_view basket{};  // "": none. Users' baskets of the same name are different ones.
    EventMark mark = EventMark::train;
    double true_probability = 0, true_rank = 0;
};

// Names are numbered in the order in which they come. Functions throw Error, with no event added, for times and values
// out of range, for empty names, and for more than 255 groups or actions. An object of the builder is for one thread.
class EventsBuilder {
  public:
    // Adds an event, with its user, object and names as far as they are new. All events of a basket get the time and
    // mark of its first row.
    void add(const EventRow& row);

    // Adds an object without an event, or finds it. The result is its number in the group.
    Token object(std::string_view group, std::string_view id);
    // Adds a user without an event, or finds it.
    Token user(std::string_view id);
    // Sets the text that is shown for an object.
    void set_text(std::string_view group, Token object, std::string_view text);
    // Adds a value of a feature to an object or user. A value that is set twice counts once.
    void add_value(std::string_view group, Token object, std::string_view feature, std::string_view value);
    void add_user_value(Token user, std::string_view feature, std::string_view value);

    // The number of events.
    Index size() const { return static_cast<Index>(rows_.size()); }

    // The data set of all that was added, its events sorted by user, time and order of rows; a basket's events stand
    // together, where its first row is. The builder is empty then.
    EventsDataset finish();

  private:
    struct Row {
        Token user;
        Token object;
        Index time;
        Index anchor;  // the row that begins the basket, or the row itself
        double value, true_probability, true_rank;
        std::uint8_t group, action;
        EventMark mark;
        bool in_basket;
    };
    // A value of a feature, before columns are made.
    using Value = std::tuple<Index, Token, Token>;  // feature, object, value
    std::uint8_t group_number(std::string_view name);
    Index feature_number(std::string_view name);
    void add_value(std::vector<Value>& values, Token object, std::string_view feature, std::string_view value);
    std::vector<Index> sorted() const;
    Events events() const;

    EventsDataset dataset_;
    Names groups_, actions_, features_, baskets_;
    std::vector<std::vector<Value>> group_values_;
    std::vector<Value> user_values_;
    std::vector<Row> rows_;
    std::unordered_map<Token, Index> first_rows_;  // of each basket
    bool has_values_ = false, has_truth_ = false;
};

}  // namespace kvmem
