#include "kvmem/tasks/recommendation/add_events.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace kvmem {

std::uint8_t usual_action(const EventsDataset& dataset, Index group) {
    const Events& events = dataset.events;
    std::vector<Index> counts(std::max<std::size_t>(dataset.actions.size(), 1));
    for (Index e = 0; e < events.size(); ++e)
        if (events.group[e] == group && events.mark[e] == EventMark::train) ++counts[events.action[e]];
    return static_cast<std::uint8_t>(std::ranges::max_element(counts) - counts.begin());
}

namespace {

// An event by its numbers.
struct Row {
    Token user, object;
    Index time;
    std::uint8_t action;
};

}  // namespace

static Row row_of(const EventsDataset& dataset, Index group, std::uint8_t usual, Names& users, const UserEvent& event) {
    if (event.user.empty()) throw Error({.what = "an event's user is empty", .expected = "a name"});
    if (event.time < Events::min_time || event.time > Events::max_time)
        throw Error({.what = "an event's time is out of range",
                     .expected = "the years 1 to 9999, in seconds since 1970",
                     .got = std::to_string(event.time)});
    return {.user = users.add(event.user),
            .object = object_named(dataset.groups[group], event.item),
            .time = event.time,
            .action = event.action.empty() ? usual : static_cast<std::uint8_t>(dataset.action_named(event.action))};
}

// The old events, by their numbers, and the added ones, by numbers behind these, in their new order.
static std::vector<Index> merged_order(const Events& old, std::span<const Row> rows) {
    std::vector<std::tuple<Token, Index, Index>> keys;  // user, time, number
    keys.reserve(old.object.size() + rows.size());
    for (Index user = 0; user < old.users(); ++user)
        for (auto [e, last] = old.of_user(user); e < last; ++e)
            keys.emplace_back(static_cast<Token>(user), old.time[e], e);
    for (const Row& row : rows) keys.emplace_back(row.user, row.time, std::ssize(keys));
    std::ranges::sort(keys);
    std::vector<Index> order;
    order.reserve(keys.size());
    for (const auto& [user, time, number] : keys) order.push_back(number);
    return order;
}

// A column in a new order, with added values behind the old ones. A column that is not there stays so.
template <class T, class Added>
static void merge(std::vector<T>& column, std::span<const Index> order, std::span<const Row> rows, Added added) {
    if (column.empty() && order.size() > rows.size()) return;
    for (const Row& row : rows) column.push_back(added(row));
    std::vector<T> merged;
    merged.reserve(order.size());
    for (const Index number : order) merged.push_back(column[number]);
    column = std::move(merged);
}

static void merge(Events& events, Index group, std::span<const Row> rows, Index users) {
    const std::vector<Index> order = merged_order(events, rows);
    std::vector<Index> counts(users + 1);
    for (Index user = 0; user < events.users(); ++user)
        counts[user + 1] = events.user_offsets[user + 1] - events.user_offsets[user];
    for (const Row& row : rows) ++counts[row.user + 1];
    std::partial_sum(counts.begin(), counts.end(), counts.begin());
    events.user_offsets = std::move(counts);
    merge(events.group, order, rows, [&](const Row&) { return static_cast<std::uint8_t>(group); });
    merge(events.action, order, rows, [](const Row& row) { return row.action; });
    merge(events.time, order, rows, [](const Row& row) { return row.time; });
    merge(events.mark, order, rows, [](const Row&) { return EventMark::train; });
    if (!events.value.empty()) merge(events.value, order, rows, [](const Row&) { return 0.0; });
    if (!events.basket.empty()) merge(events.basket, order, rows, [](const Row&) { return Token(-1); });
    for (std::vector<double>* truth : {&events.true_probability, &events.true_rank})
        if (!truth->empty()) merge(*truth, order, rows, [](const Row&) { return 0.0; });
    merge(events.object, order, rows, [](const Row& row) { return row.object; });
}

// The rows of the events, with the number of one that is wrong in its Error.
static std::vector<Row> rows_of(const EventsDataset& dataset, Index group, Names& users,
                                std::span<const UserEvent> added) {
    const std::uint8_t usual = usual_action(dataset, group);
    std::vector<Row> rows;
    rows.reserve(added.size());
    try {
        for (const UserEvent& event : added) rows.push_back(row_of(dataset, group, usual, users, event));
    } catch (const Error& e) {
        Problem problem = e.problem();
        problem.where = "added event " + std::to_string(rows.size() + 1);
        throw Error(problem);
    }
    return rows;
}

void add_events(EventsDataset& dataset, Index group, std::span<const UserEvent> added) {
    Names users = dataset.users.ids;
    const std::vector<Row> rows = rows_of(dataset, group, users, added);
    dataset.users.ids = std::move(users);
    const Index count = dataset.users.size();
    if (!dataset.users.texts.empty()) dataset.users.texts.resize(count);
    for (FeatureColumn& column : dataset.users.columns)
        while (column.rows.size() < count) column.rows.end_row();
    merge(dataset.events, group, rows, count);
}

}  // namespace kvmem
