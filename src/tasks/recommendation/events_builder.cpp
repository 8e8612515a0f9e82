#include "kvmem/tasks/recommendation/events_builder.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kvmem {

static void require_name(std::string_view name, const char* what) {
    if (name.empty()) throw Error({.what = std::string("an event's ") + what + " is empty", .expected = "a name"});
}

// The number of one of the few names, which is added if it is new.
static std::uint8_t small_number(Names& names, std::string_view name, const char* what) {
    require_name(name, what);
    if (const auto known = names.find(name)) return static_cast<std::uint8_t>(*known);
    if (names.size() == 255)
        throw Error({.what = std::string("events have too many names of their ") + what,
                     .expected = "at most 255",
                     .got = "another one, '" + std::string(name) + "'"});
    return static_cast<std::uint8_t>(names.add(name));
}

std::uint8_t EventsBuilder::group_number(std::string_view name) {
    const std::uint8_t number = small_number(groups_, name, "group");
    if (number == dataset_.groups.size()) {
        dataset_.groups.emplace_back().name = name;
        group_values_.emplace_back();
    }
    return number;
}

Index EventsBuilder::feature_number(std::string_view name) {
    require_name(name, "feature");
    const Token number = features_.add(name);
    if (number == static_cast<Token>(dataset_.features.size())) dataset_.features.push_back({std::string(name), {}});
    return number;
}

Token EventsBuilder::object(std::string_view group, std::string_view id) {
    require_name(id, "object");
    return dataset_.groups[group_number(group)].ids.add(id);
}

Token EventsBuilder::user(std::string_view id) {
    require_name(id, "user");
    return dataset_.users.ids.add(id);
}

void EventsBuilder::set_text(std::string_view group, Token object, std::string_view text) {
    std::vector<std::string>& texts = dataset_.groups[group_number(group)].texts;
    if (texts.size() <= static_cast<std::size_t>(object)) texts.resize(static_cast<std::size_t>(object) + 1);
    texts[static_cast<std::size_t>(object)] = text;
}

void EventsBuilder::add_value(std::vector<Value>& values, Token object, std::string_view feature,
                              std::string_view value) {
    require_name(value, "feature's value");
    const Index number = feature_number(feature);
    values.emplace_back(number, object, dataset_.features[static_cast<std::size_t>(number)].values.add(value));
}

void EventsBuilder::add_value(std::string_view group, Token object, std::string_view feature, std::string_view value) {
    add_value(group_values_[group_number(group)], object, feature, value);
}

void EventsBuilder::add_user_value(Token user, std::string_view feature, std::string_view value) {
    add_value(user_values_, user, feature, value);
}

static void require_numbers(const EventRow& row) {
    if (row.time < Events::min_time || row.time > Events::max_time)
        throw Error({.what = "an event's time is out of range",
                     .expected = "the years 1 to 9999, in seconds since 1970",
                     .got = std::to_string(row.time)});
    if (row.value && !std::isfinite(*row.value))
        throw Error({.what = "an event's value is wrong", .expected = "a finite number"});
}

void EventsBuilder::add(const EventRow& row) {
    require_numbers(row);
    require_name(row.user, "user");
    require_name(row.object, "object");
    const std::uint8_t action = small_number(actions_, row.action, "action");
    Row added{.user = user(row.user),
              .object = object(row.group, row.object),
              .time = row.time,
              .anchor = size(),
              .value = row.value.value_or(0),
              .true_probability = row.true_probability,
              .true_rank = row.true_rank,
              .group = group_number(row.group),
              .action = action,
              .mark = row.mark,
              .in_basket = !row.basket.empty()};
    if (added.in_basket) {
        const Token basket = baskets_.add(std::to_string(added.user) + ' ' + std::string(row.basket));
        added.anchor = first_rows_.emplace(basket, size()).first->second;
        if (added.anchor < size()) {
            const Row& first = rows_[static_cast<std::size_t>(added.anchor)];
            added.time = first.time;
            added.mark = first.mark;
        }
    }
    has_values_ = has_values_ || row.value;
    has_truth_ = has_truth_ || row.true_rank > 0;
    rows_.push_back(added);
}

std::vector<Index> EventsBuilder::sorted() const {
    std::vector<Index> order(rows_.size());
    std::iota(order.begin(), order.end(), Index(0));
    const auto key = [this](Index i) {
        const Row& row = rows_[static_cast<std::size_t>(i)];
        return std::tuple(row.user, row.time, row.anchor, i);
    };
    std::sort(order.begin(), order.end(), [&](Index a, Index b) { return key(a) < key(b); });
    return order;
}

Events EventsBuilder::events() const {
    Events events;
    Token baskets = -1;
    Index basket_begins = -1;  // the row that begins the last basket
    events.user_offsets.assign(static_cast<std::size_t>(dataset_.users.size()) + 1, 0);
    for (const Index i : sorted()) {
        const Row& row = rows_[static_cast<std::size_t>(i)];
        ++events.user_offsets[static_cast<std::size_t>(row.user) + 1];
        events.group.push_back(row.group);
        events.object.push_back(row.object);
        events.action.push_back(row.action);
        events.time.push_back(row.time);
        events.mark.push_back(row.mark);
        if (has_values_) events.value.push_back(row.value);
        if (has_truth_) {
            events.true_probability.push_back(row.true_probability);
            events.true_rank.push_back(row.true_rank);
        }
        if (first_rows_.empty()) continue;
        if (row.in_basket && row.anchor != basket_begins) {
            basket_begins = row.anchor;
            ++baskets;
        }
        events.basket.push_back(row.in_basket ? baskets : -1);
    }
    std::partial_sum(events.user_offsets.begin(), events.user_offsets.end(), events.user_offsets.begin());
    return events;
}

// The columns of sorted values, each once.
static std::vector<FeatureColumn> columns_of(std::vector<std::tuple<Index, Token, Token>>& values, Index objects) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    std::vector<FeatureColumn> columns;
    const auto fill = [&](Index rows) {
        while (!columns.empty() && columns.back().rows.size() < rows) columns.back().rows.end_row();
    };
    for (const auto& [feature, object, value] : values) {
        if (columns.empty() || columns.back().feature != feature) {
            fill(objects);
            columns.push_back({feature, {}});
        }
        fill(object);
        columns.back().rows.values.push_back(value);
    }
    fill(objects);
    return columns;
}

EventsDataset EventsBuilder::finish() {
    dataset_.users.name = "user";
    dataset_.users.columns = columns_of(user_values_, dataset_.users.size());
    for (std::size_t i = 0; i < dataset_.groups.size(); ++i) {
        ObjectGroup& group = dataset_.groups[i];
        if (!group.texts.empty()) group.texts.resize(static_cast<std::size_t>(group.size()));
        group.columns = columns_of(group_values_[i], group.size());
    }
    dataset_.actions = actions_.all();
    dataset_.events = events();
    EventsDataset result = std::move(dataset_);
    *this = EventsBuilder();
    return result;
}

}  // namespace kvmem
