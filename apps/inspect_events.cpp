// kvmem inspect of data sets of events.
#include "inspection.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/recommendation/inspect.hpp"
#include "task_verbs.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <iostream>

namespace kvmem::apps {

namespace json = boost::json;

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
    print_info(data.info);
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
    print_row("top " + std::to_string(EventsReport::top) + " of a quarter that were so before",
              percent(report.stay[0]) + ", " + percent(report.stay[1]) + ", " + percent(report.stay[2]));
    print_targets("train", report.marks[1]);
    print_targets("valid", report.marks[2]);
    print_targets("test", report.marks[3]);
    if (const Index older = report.split.before_training; older > 0)
        print_row("targets older than training events", share_of(older, report.split.valid + report.split.test));
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
    json::object all = info_json("kvmem-events", data.info);
    const json::object more{{"events", data.events.size()},
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
                            {"older_than_training", report.split.before_training},
                            {"marks", std::move(marks)}};
    all.insert(more.begin(), more.end());
    return all;
}

void inspect_events(const std::filesystem::path& path, const po::variables_map& values) {
    const EventsDataset data = load_events(path);
    const EventsReport report = events_report(data);
    if (values.count("json"))
        std::cout << json::serialize(events_json(data, report)) << "\n";
    else
        print_events(data, report);
}

}  // namespace kvmem::apps
