#include "kvmem/tasks/recommendation/splits.hpp"

#include "io/time_text.hpp"
#include "kvmem/core/option_error.hpp"

#include <algorithm>
#include <limits>

namespace kvmem {

std::vector<std::string> choices(SplitRule) { return {"time", "last-basket", "leave-last", "own"}; }

Index moment(std::string_view text, const char* option) {
    for (const TimeForm form : {TimeForm::year_first, TimeForm::seconds})
        if (const auto time = parse_time(text, form)) return *time;
    throw OptionError(option, "a date such as 2011-11-10 or '2011-11-10 12:00', or seconds since 1970",
                      "'" + std::string(text) + "'");
}

namespace {

using Marks = std::vector<EventMark>;

// The events that may be targets.
struct TargetActions {
    std::vector<bool> of_action;
    const Events& events;

    TargetActions(const EventsDataset& dataset, const std::vector<std::string>& actions)
        : of_action(dataset.actions.size(), actions.empty()), events(dataset.events) {
        for (const std::string& action : actions)
            of_action[static_cast<std::size_t>(dataset.action_named(action))] = true;
    }
    bool operator()(Index event) const { return of_action[events.action[static_cast<std::size_t>(event)]]; }
};

}  // namespace

// The time of the first target of the last ones that have this share.
static Index moment_of(std::vector<Index>& times, double share) {
    if (!(share >= 0 && share < 1))
        throw Error({.what = "a share is wrong", .expected = "0 to below 1", .got = std::to_string(share)});
    const auto last = static_cast<Index>(share * static_cast<double>(times.size()));
    if (last == 0) return std::numeric_limits<Index>::max();
    const auto at = times.end() - last;
    std::nth_element(times.begin(), at, times.end());
    return *at;
}

static std::pair<Index, Index> moments(const Events& events, const TargetActions& is_target,
                                       const SplitOptions& options) {
    std::vector<Index> times;
    for (Index i = 0; i < events.size(); ++i)
        if (is_target(i)) times.push_back(events.time[static_cast<std::size_t>(i)]);
    const Index test = options.test_from ? *options.test_from : moment_of(times, options.test_share);
    const double valid_share = options.valid_share + (options.test_from ? 0 : options.test_share);
    if (options.test_from) std::erase_if(times, [&](Index time) { return time >= test; });
    const Index valid = options.valid_from        ? *options.valid_from
                        : options.valid_share > 0 ? moment_of(times, valid_share)
                                                  : test;
    if (valid > test)
        throw Error({.what = "validation begins after the test",
                     .expected = "a moment up to " + std::to_string(test),
                     .got = std::to_string(valid)});
    return {valid, test};
}

static Marks marks_by_time(const Events& events, const TargetActions& is_target, const SplitOptions& options) {
    const auto [valid, test] = moments(events, is_target, options);
    Marks marks(static_cast<std::size_t>(events.size()), EventMark::none);
    for (std::size_t i = 0; i < marks.size(); ++i)
        if (is_target(static_cast<Index>(i)))
            marks[i] = events.time[i] < valid  ? EventMark::train
                       : events.time[i] < test ? EventMark::valid
                                               : EventMark::test;
    return marks;
}

// Takes from valid and test all but each user's first basket.
static void leave_first_basket(const Events& events, Marks& marks) {
    for (Index user = 0; user < events.users(); ++user) {
        const auto [first, last] = events.of_user(user);
        for (const EventMark mark : {EventMark::valid, EventMark::test}) {
            const auto begin = marks.begin() + first, end = marks.begin() + last;
            const auto target = std::find(begin, end, mark);
            if (target != end)
                std::replace(marks.begin() + events.basket_end(target - marks.begin()), end, mark, EventMark::none);
        }
    }
}

// Marks the last targets of each user. A unit is a basket, or an event if they are not `by_basket`.
static Marks marks_by_last(const Events& events, const TargetActions& is_target, bool by_basket) {
    Marks marks(static_cast<std::size_t>(events.size()), EventMark::none);
    std::vector<Index> begins;
    for (Index user = 0; user < events.users(); ++user) {
        const auto [first, last] = events.of_user(user);
        begins.clear();  // of the units that have a target
        for (Index begin = first, end = first; begin < last; begin = end) {
            end = by_basket ? events.basket_end(begin) : begin + 1;
            Index target = begin;
            while (target < end && !is_target(target)) ++target;
            if (target < end) begins.push_back(begin);
        }
        const bool few = begins.size() < 3;
        const Index valid = few ? last : begins[begins.size() - 2], test = few ? last : begins.back();
        for (Index i = first; i < last; ++i)
            if (is_target(i))
                marks[static_cast<std::size_t>(i)] = i < valid  ? EventMark::train
                                                     : i < test ? EventMark::valid
                                                                : EventMark::test;
    }
    return marks;
}

EventSplitReport split_events(EventsDataset& dataset, const SplitOptions& options) {
    Events& events = dataset.events;
    const TargetActions is_target(dataset, options.targets);
    if (options.rule == SplitRule::last_basket && events.basket.empty())
        throw Error({.what = "the data have no baskets",
                     .expected = "baskets, to leave the last one out",
                     .hint = "split by time or leave-last"});
    Marks marks;
    if (options.rule == SplitRule::own) {
        marks = events.mark;
        for (std::size_t i = 0; i < marks.size(); ++i)
            if (!is_target(static_cast<Index>(i))) marks[i] = EventMark::none;
    } else if (options.rule == SplitRule::time) {
        marks = marks_by_time(events, is_target, options);
        if (options.first_basket) leave_first_basket(events, marks);
    } else {
        marks = marks_by_last(events, is_target, options.rule == SplitRule::last_basket);
    }
    if (std::ranges::count(marks, EventMark::train) == 0)
        throw Error({.what = "the split leaves nothing to train on", .expected = "events before the first target"});
    events.mark = std::move(marks);
    return report_split(events);
}

EventSplitReport report_split(const Events& events) {
    EventSplitReport report;
    Index newest = Events::min_time;
    for (std::size_t i = 0; i < events.mark.size(); ++i)
        if (events.mark[i] == EventMark::train) newest = std::max(newest, events.time[i]);
    Index* const counts[] = {&report.none, &report.train, &report.valid, &report.test};
    for (Index user = 0; user < events.users(); ++user) {
        const auto [first, last] = events.of_user(user);
        for (Index event = first; event < last; ++event) {
            const auto i = static_cast<std::size_t>(event);
            ++*counts[static_cast<std::size_t>(events.mark[i])];
            if (events.mark[i] != EventMark::valid && events.mark[i] != EventMark::test) continue;
            report.before_training += events.time[i] < newest;
            report.tied += events.is_tied(event);
        }
    }
    return report;
}

}  // namespace kvmem
