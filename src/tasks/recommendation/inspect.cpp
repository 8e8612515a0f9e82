#include "kvmem/tasks/recommendation/inspect.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_set>

namespace kvmem {

static constexpr std::size_t periods = 4;

namespace {

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
        const auto now = most_frequent(counts[period], EventsReport::top),
                   before = most_frequent(counts[period - 1], EventsReport::top);
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

EventsReport events_report(const EventsDataset& data) {
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
    report.split = report_split(events);
    return report;
}

}  // namespace kvmem
