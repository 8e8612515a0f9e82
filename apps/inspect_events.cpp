// kvmem inspect of data sets of events.
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/recommendation/splits.hpp"
#include "task_verbs.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <iostream>
#include <numeric>
#include <unordered_set>

namespace kvmem::apps {

namespace json = boost::json;

static constexpr std::size_t top = 100;
static constexpr std::size_t periods = 4;

namespace {

// Targets of a split, and what training never saw of them.
struct TargetsReport {
    Index targets = 0, users = 0, new_users = 0, of_new_users = 0, of_new_objects = 0, repeats = 0;
};

struct EventsReport {
    std::vector<Index> of_action, of_group;  // the number of events
    std::vector<Index> lengths;              // the events of each user, sorted
    Index first = 0, last = 0;               // times
    Index tied = 0, repeats = 0, baskets = 0, in_baskets = 0;
    // The share of a quarter's most frequent objects that were among those of the quarter before.
    std::array<double, periods - 1> stay{};
    double share_of_top = 0;  // of all events, of the most frequent hundredth of the objects
    std::array<TargetsReport, 4> marks;
};

// An object of any group, as one number.
struct Objects {
    const EventsDataset& data;
    std::vector<Index> offsets{0};

    explicit Objects(const EventsDataset& dataset) : data(dataset) {
        for (const ObjectGroup& group : data.groups) offsets.push_back(offsets.back() + group.size());
    }
    std::size_t of(std::size_t event) const {
        return static_cast<std::size_t>(offsets[data.events.group[event]] + data.events.object[event]);
    }
    std::size_t size() const { return static_cast<std::size_t>(offsets.back()); }
};

}  // namespace

// The most frequent objects, at most `count` of them.
static std::vector<std::size_t> most_frequent(const std::vector<Index>& counts, std::size_t count) {
    std::vector<std::size_t> order(counts.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    count = std::min(count, order.size());
    std::partial_sort(
        order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
        [&](std::size_t a, std::size_t b) { return std::pair(-counts[a], a) < std::pair(-counts[b], b); });
    order.resize(count);
    std::erase_if(order, [&](std::size_t object) { return counts[object] == 0; });
    return order;
}

static void report_popularity(EventsReport& report, const EventsDataset& data, const Objects& objects) {
    const Events& events = data.events;
    std::vector<std::vector<Index>> counts(periods, std::vector<Index>(objects.size()));
    std::vector<Index> all(objects.size());
    const double length = static_cast<double>(report.last - report.first) + 1;
    for (std::size_t i = 0; i < events.time.size(); ++i) {
        const double part = static_cast<double>(events.time[i] - report.first) / length;
        ++counts[static_cast<std::size_t>(part * static_cast<double>(periods))][objects.of(i)];
        ++all[objects.of(i)];
    }
    for (std::size_t period = 1; period < periods; ++period) {
        const auto now = most_frequent(counts[period], top), before = most_frequent(counts[period - 1], top);
        const std::unordered_set<std::size_t> were(before.begin(), before.end());
        const auto stayed = std::ranges::count_if(now, [&](std::size_t object) { return were.contains(object); });
        report.stay[period - 1] =
            static_cast<double>(stayed) / static_cast<double>(std::max<std::size_t>(now.size(), 1));
    }
    Index of_top = 0;
    for (const std::size_t object : most_frequent(all, std::max<std::size_t>(objects.size() / 100, 1)))
        of_top += all[object];
    report.share_of_top = static_cast<double>(of_top) / static_cast<double>(std::max<Index>(events.size(), 1));
}

static void report_user(EventsReport& report, const EventsDataset& data, const Objects& objects,
                        const std::vector<bool>& trained, Index user) {
    const Events& events = data.events;
    const auto [first, last] = events.of_user(user);
    std::unordered_set<std::size_t> seen;
    std::array<bool, 4> has{};
    bool new_user = true;  // until the first event of train
    for (Index event = first; event < last; ++event) {
        const auto i = static_cast<std::size_t>(event);
        const bool repeat = !seen.insert(objects.of(i)).second;
        TargetsReport& targets = report.marks[static_cast<std::size_t>(events.mark[i])];
        ++targets.targets;
        targets.repeats += repeat;
        targets.of_new_users += new_user;
        targets.of_new_objects += !trained[objects.of(i)];
        if (bool& known = has[static_cast<std::size_t>(events.mark[i])]; !known) {
            known = true;
            ++targets.users;
            targets.new_users += new_user;
        }
        new_user = new_user && events.mark[i] != EventMark::train;
        report.repeats += repeat;
        report.tied += events.is_tied(event);
        ++report.of_action[events.action[i]];
        ++report.of_group[events.group[i]];
    }
    report.lengths.push_back(last - first);
}

static EventsReport report_of(const EventsDataset& data) {
    const Events& events = data.events;
    const Objects objects(data);
    EventsReport report;
    report.of_action.resize(data.actions.size());
    report.of_group.resize(data.groups.size());
    if (events.size() > 0) {
        const auto [first, last] = std::ranges::minmax(events.time);
        report.first = first, report.last = last;
    }
    std::vector<bool> trained(objects.size());
    for (std::size_t i = 0; i < events.mark.size(); ++i)
        if (events.mark[i] == EventMark::train) trained[objects.of(i)] = true;
    for (Index user = 0; user < events.users(); ++user) report_user(report, data, objects, trained, user);
    std::ranges::sort(report.lengths);
    for (const Token basket : events.basket) {
        report.baskets = std::max<Index>(report.baskets, basket + 1);
        report.in_baskets += basket >= 0;
    }
    report_popularity(report, data, objects);
    return report;
}

static std::string day_text(Index seconds) {
    using namespace std::chrono;
    const year_month_day date(floor<days>(sys_seconds(std::chrono::seconds(seconds))));
    char text[32];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
    return text;
}

static std::string share_of(Index part, Index whole) {
    return plural(part, "event") + " (" +
           percent(static_cast<double>(part) / static_cast<double>(std::max<Index>(whole, 1))) + ")";
}

static void print_group(const EventsDataset& data, const ObjectGroup& group, const std::string& count) {
    print_row(group.name, count);
    for (const FeatureColumn& column : group.columns) {
        const Feature& feature = data.features[static_cast<std::size_t>(column.feature)];
        Index with = 0;
        for (Index object = 0; object < column.rows.size(); ++object) with += !column.rows[object].empty();
        print_row("  " + feature.name, plural(feature.values.size(), "value") + ", of " + plural(with, "object"));
    }
}

static void print_targets(const char* name, const TargetsReport& report) {
    if (report.targets == 0) return;
    std::cout << name << ": " << plural(report.targets, "target") << " of " << plural(report.users, "user") << "\n";
    print_row("objects that the user had before", share_of(report.repeats, report.targets));
    if (name == std::string("train")) return;
    print_row("users without training events before",
              plural(report.new_users, "user") + ", " + share_of(report.of_new_users, report.targets));
    print_row("objects that training never saw", share_of(report.of_new_objects, report.targets));
}

static void print_events(const EventsDataset& data, const EventsReport& report) {
    const Events& events = data.events;
    std::cout << "data set: " << printable(data.info.title) << "\n";
    if (!data.info.source.empty()) print_row("source", data.info.source);
    if (!data.info.license.empty()) print_row("license", data.info.license);
    print_row("made by", data.info.generator);
    print_row("events",
              plural(events.size(), "event") + ", " + day_text(report.first) + " to " + day_text(report.last));
    print_group(data, data.users, plural(data.users.size(), "user"));
    for (std::size_t i = 0; i < data.groups.size(); ++i)
        print_group(data, data.groups[i],
                    plural(data.groups[i].size(), "object") + ", " + plural(report.of_group[i], "event"));
    for (std::size_t i = 0; i < data.actions.size(); ++i)
        print_row("action " + data.actions[i], share_of(report.of_action[i], events.size()));
    if (!report.lengths.empty())
        print_row("events of a user", std::to_string(report.lengths.front()) + " to " +
                                          std::to_string(report.lengths.back()) + ", median " +
                                          std::to_string(report.lengths[report.lengths.size() / 2]));
    if (report.baskets > 0)
        print_row("baskets", plural(report.baskets, "basket") + " of " + share_of(report.in_baskets, events.size()));
    print_row("of an object that the user had before", share_of(report.repeats, events.size()));
    print_row("at the second of another event", share_of(report.tied, events.size()));
    print_row("of the top 1% of all objects", percent(report.share_of_top));
    print_row("top " + std::to_string(top) + " of a quarter that were so before",
              percent(report.stay[0]) + ", " + percent(report.stay[1]) + ", " + percent(report.stay[2]));
    print_targets("train", report.marks[1]);
    print_targets("valid", report.marks[2]);
    print_targets("test", report.marks[3]);
    const SplitReport split = report_split(events);
    if (split.before_training > 0)
        print_row("targets older than training events", share_of(split.before_training, split.valid + split.test));
}

static json::object targets_json(const TargetsReport& r) {
    return {{"targets", r.targets},
            {"users", r.users},
            {"new_users", r.new_users},
            {"of_new_users", r.of_new_users},
            {"new_objects", r.of_new_objects},
            {"repeats", r.repeats}};
}

static json::object events_json(const EventsDataset& data, const EventsReport& report) {
    json::object groups, actions, marks;
    for (std::size_t i = 0; i < data.groups.size(); ++i)
        groups[data.groups[i].name] = {{"objects", data.groups[i].size()}, {"events", report.of_group[i]}};
    for (std::size_t i = 0; i < data.actions.size(); ++i) actions[data.actions[i]] = report.of_action[i];
    constexpr std::array<const char*, 4> names = {"none", "train", "valid", "test"};
    for (std::size_t i = 0; i < names.size(); ++i) marks[names[i]] = targets_json(report.marks[i]);
    return {{"format", "kvmem-events"},
            {"title", data.info.title},
            {"source", data.info.source},
            {"license", data.info.license},
            {"generator", data.info.generator},
            {"events", data.events.size()},
            {"users", data.users.size()},
            {"groups", std::move(groups)},
            {"actions", std::move(actions)},
            {"first", report.first},
            {"last", report.last},
            {"baskets", report.baskets},
            {"repeats", report.repeats},
            {"tied", report.tied},
            {"share_of_top_hundredth", report.share_of_top},
            {"top_that_stay", json::array(report.stay.begin(), report.stay.end())},
            {"older_than_training", report_split(data.events).before_training},
            {"marks", std::move(marks)}};
}

void inspect_events(const std::filesystem::path& path, const po::variables_map& values) {
    const EventsDataset data = load_events(path);
    const EventsReport report = report_of(data);
    if (values.count("json"))
        std::cout << json::serialize(events_json(data, report)) << "\n";
    else
        print_events(data, report);
}

}  // namespace kvmem::apps
