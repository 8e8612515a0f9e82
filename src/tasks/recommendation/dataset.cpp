#include "kvmem/tasks/recommendation/dataset.hpp"

#include "io/file_checks.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace kvmem {

const std::string& ObjectGroup::shown(Token object) const {
    if (texts.empty()) return ids[object];
    const std::string& text = texts[static_cast<std::size_t>(object)];
    return text.empty() ? ids[object] : text;
}

Index Events::user_of(Index event) const {
    return std::upper_bound(user_offsets.begin(), user_offsets.end(), event) - user_offsets.begin() - 1;
}

Index Events::history_end(Index user, Index when) const {
    const auto [first, last] = of_user(user);
    return std::lower_bound(time.begin() + first, time.begin() + last, when) - time.begin();
}

Index Events::basket_end(Index event) const {
    const auto at = static_cast<std::size_t>(event);
    if (basket.empty() || basket[at] < 0) return event + 1;
    return std::find_if(basket.begin() + event, basket.end(), [&](Token other) { return other != basket[at]; }) -
           basket.begin();
}

bool Events::is_tied(Index event) const {
    const auto [first, last] = of_user(user_of(event));
    const auto at = static_cast<std::size_t>(event);
    const auto ties = [&](std::size_t other) {
        const bool one_basket = !basket.empty() && basket[at] >= 0 && basket[at] == basket[other];
        return time[at] == time[other] && !one_basket;
    };
    return (event > first && ties(at - 1)) || (event + 1 < last && ties(at + 1));
}

std::vector<Index> Events::marked(EventMark wanted) const {
    std::vector<Index> events;
    for (std::size_t i = 0; i < mark.size(); ++i)
        if (mark[i] == wanted) events.push_back(static_cast<Index>(i));
    return events;
}

static Index number_of_name(const std::vector<std::string>& names, const std::string& name, const char* what,
                            const DatasetInfo& info) {
    const auto at = std::find(names.begin(), names.end(), name);
    if (at != names.end()) return at - names.begin();
    std::string all;
    for (const std::string& other : names) all += (all.empty() ? "" : ", ") + other;
    throw Error({.what = std::string("the data set has no such ") + what,
                 .expected = "one of " + all,
                 .got = "'" + name + "'",
                 .where = info.title});
}

static std::vector<std::string> names_of(const std::vector<ObjectGroup>& groups) {
    std::vector<std::string> names;
    names.reserve(groups.size());
    for (const ObjectGroup& group : groups) names.push_back(group.name);
    return names;
}

Index EventsDataset::group_named(const std::string& name) const {
    return number_of_name(names_of(groups), name, "group", info);
}

Index EventsDataset::action_named(const std::string& name) const {
    return number_of_name(actions, name, "action", info);
}

const FeatureColumn* EventsDataset::column(const ObjectGroup& group, const std::string& feature) const {
    for (const FeatureColumn& column : group.columns)
        if (features[static_cast<std::size_t>(column.feature)].name == feature) return &column;
    return nullptr;
}

namespace {

// The checks of a whole data set.
struct EventsChecks {
    const EventsDataset& data;
    const FileChecks& check;

    void names(const std::string& part, const std::vector<std::string>& names) const;
    void distinct(const std::string& part, std::vector<std::string> names) const;
    void features() const;
    void group(const std::string& part, const ObjectGroup& group) const;
    void sizes() const;
    void users() const;
    void event(std::size_t i) const;
    void order(std::size_t i, std::size_t first_of_user) const;
    void baskets() const;
    void numbers(const char* part, const std::vector<double>& values, double min, double max) const;
};

}  // namespace

void EventsChecks::names(const std::string& part, const std::vector<std::string>& names) const {
    for (const std::string& name : names) {
        check.text(part, name);
        if (name.empty()) check.refuse(part, "a name is empty", "a name", "none");
    }
}

// Of the few names that are read whole: 1 to 255.
void EventsChecks::distinct(const std::string& part, std::vector<std::string> all) const {
    names(part, all);
    if (all.empty() || all.size() > 255)
        check.refuse(part, "there are too few or too many", "1 to 255", std::to_string(all.size()));
    std::sort(all.begin(), all.end());
    const auto twice = std::adjacent_find(all.begin(), all.end());
    if (twice != all.end()) check.refuse(part, "a name comes twice", "different ones", "'" + *twice + "'");
}

void EventsChecks::features() const {
    std::set<std::string> seen;
    for (const Feature& feature : data.features) {
        check.plain_name("/features", "a feature's name is wrong", feature.name);
        if (!seen.insert(feature.name).second)
            check.refuse("/features", "a feature comes twice", "different ones", "'" + feature.name + "'");
        names("/features/" + feature.name, feature.values.all());
    }
}

void EventsChecks::group(const std::string& part, const ObjectGroup& group) const {
    names(part + "/ids", group.ids.all());
    if (!group.texts.empty())
        check.same_size(part + "/texts", "the texts do not cover the objects", group.size(),
                        static_cast<Index>(group.texts.size()));
    for (const std::string& text : group.texts) check.text(part + "/texts", text);
    Index before = -1;
    for (const FeatureColumn& column : group.columns) {
        if (column.feature <= before || column.feature >= static_cast<Index>(data.features.size()))
            check.refuse(part, "a feature is wrong", "numbers of features that rise", std::to_string(column.feature));
        before = column.feature;
        const Feature& feature = data.features[static_cast<std::size_t>(before)];
        const std::string rows = part + "/features/" + feature.name;
        check.rows(rows, column.rows, feature.values.size());
        check.same_size(rows, "the rows do not cover the objects", group.size(), column.rows.size());
    }
}

void EventsChecks::sizes() const {
    const Events& events = data.events;
    const auto equal = [&](const char* part, std::size_t size, bool optional = false) {
        if (optional && size == 0) return;
        check.same_size(std::string("/events/") + part, "a column does not cover the events", events.size(),
                        static_cast<Index>(size));
    };
    equal("group", events.group.size());
    equal("action", events.action.size());
    equal("time", events.time.size());
    equal("mark", events.mark.size());
    equal("value", events.value.size(), true);
    equal("basket", events.basket.size(), true);
    equal("true_probability", events.true_probability.size(), true);
    equal("true_rank", events.true_rank.size(), true);
}

void EventsChecks::users() const {
    check.same_size("/events/user_offsets", "the offsets do not cover the users", data.users.size() + 1,
                    static_cast<Index>(data.events.user_offsets.size()));
    check.offsets("/events/user_offsets", data.events.user_offsets, data.events.size());
}

void EventsChecks::event(std::size_t i) const {
    const auto refuse = [&](const char* what, Index end, Index got) {
        check.refuse("/events", what, "0 to " + std::to_string(end - 1),
                     std::to_string(got) + " at " + std::to_string(i));
    };
    const Events& events = data.events;
    if (events.group[i] >= data.groups.size())
        refuse("a group is wrong", static_cast<Index>(data.groups.size()), events.group[i]);
    if (events.action[i] >= data.actions.size())
        refuse("an action is wrong", static_cast<Index>(data.actions.size()), events.action[i]);
    if (events.mark[i] > EventMark::test) refuse("a mark is wrong", 4, static_cast<Index>(events.mark[i]));
    const Index objects = data.groups[events.group[i]].size();
    if (events.object[i] < 0 || events.object[i] >= objects) refuse("an object is wrong", objects, events.object[i]);
}

// The times of a user's events.
void EventsChecks::order(std::size_t i, std::size_t first_of_user) const {
    const std::vector<Index>& time = data.events.time;
    const std::string at = std::to_string(time[i]) + " at " + std::to_string(i);
    if (time[i] < Events::min_time || time[i] > Events::max_time)
        check.refuse("/events/time", "a time is out of range", "the years 1 to 9999", at);
    if (i > first_of_user && time[i] < time[i - 1])
        check.refuse("/events/time", "a user's events are not sorted by time", "times that rise", at);
}

void EventsChecks::baskets() const {
    const Events& events = data.events;
    Token last = -1;
    for (std::size_t i = 0; i < events.basket.size(); ++i) {
        const Token basket = events.basket[i];
        const bool goes_on = i > 0 && basket >= 0 && basket == events.basket[i - 1];
        const bool one_visit = goes_on && events.time[i] == events.time[i - 1] &&
                               events.user_of(static_cast<Index>(i)) == events.user_of(static_cast<Index>(i) - 1);
        if (basket == -1 || one_visit) continue;
        if (goes_on || basket != last + 1)
            check.refuse("/events/basket", "a basket is wrong",
                         "baskets from 0, one after the other, each of one user and time",
                         std::to_string(basket) + " at " + std::to_string(i));
        last = basket;
    }
}

void EventsChecks::numbers(const char* part, const std::vector<double>& values, double min, double max) const {
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!(values[i] >= min && values[i] <= max) || !std::isfinite(values[i]))
            check.refuse(part, "a number is out of range", "finite numbers of its range",
                         std::to_string(values[i]) + " at " + std::to_string(i));
}

void EventsDataset::validate(const std::string& where) const {
    const FileChecks check{where};
    const EventsChecks checks{*this, check};
    check.info(info);
    checks.features();
    if (users.name != "user") check.refuse("/users", "the users' name is wrong", "'user'", "'" + users.name + "'");
    checks.group("/users", users);
    checks.distinct("/groups", names_of(groups));
    for (const ObjectGroup& group : groups) {
        check.plain_name("/groups", "a group's name is wrong", group.name);
        checks.group("/groups/" + group.name, group);
    }
    checks.distinct("/actions", actions);
    checks.sizes();
    checks.users();
    for (Index user = 0; user < events.users(); ++user) {
        const auto [first, last] = events.of_user(user);
        for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
            checks.event(i);
            checks.order(i, static_cast<std::size_t>(first));
        }
    }
    checks.baskets();
    constexpr double any = std::numeric_limits<double>::max();
    checks.numbers("/events/value", events.value, -any, any);
    checks.numbers("/events/true_probability", events.true_probability, 0, 1);
    checks.numbers("/events/true_rank", events.true_rank, 0, any);
}

// ASCII letters in lower case.
static std::string lowered(std::string_view text) {
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

Token object_named(const ObjectGroup& items, std::string_view text) {
    if (const std::optional<Token> item = items.ids.find(text)) return *item;
    const std::string wanted = lowered(text);
    std::vector<Token> parts;
    for (Token item = 0; item < items.size() && !wanted.empty(); ++item) {
        const std::string shown = lowered(items.shown(item));
        if (shown == wanted) return item;
        if (shown.find(wanted) != std::string::npos) parts.push_back(item);
    }
    if (parts.size() == 1) return parts.front();
    std::string some;
    for (std::size_t i = 0; i < std::min<std::size_t>(parts.size(), 3); ++i)
        some += (i == 0 ? "" : ", ") + ("'" + items.shown(parts[i]) + "'");
    throw Error({.what = parts.empty() ? "no such item" : "several items have this in their names",
                 .expected = parts.empty() ? "an id, a name or a part of one" : "one of " + some,
                 .got = "'" + std::string(text) + "'"});
}

}  // namespace kvmem
