// Divides the events of a data set into targets to train on, to choose by and to report.
#pragma once

#include "kvmem/tasks/recommendation/dataset.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// How events are divided. The numbers are those of choices().
enum class SplitRule {
    time,         // at two moments for all users: nothing later than a target was learned from
    last_basket,  // each user's last basket is test, the one before valid
    leave_last,   // each user's last event is test, the one before valid
    own           // the marks stay as they are
};
// The names of the rules: "time", "last-basket", "leave-last", "own".
std::vector<std::string> choices(SplitRule);

// The options of a split.
struct SplitOptions {
    SplitRule rule = SplitRule::time;  // how events are divided
    // Of `time`: the first second of valid and test. If one is missing, it is where the last of the events begin that
    // have these shares.
    std::optional<Index> valid_from{}, test_from{};
    double valid_share = 0.1, test_share = 0.1;
    // Of `time`: the targets of valid and test are each user's first basket, or event without one, in their time alone.
    bool first_basket = false;
    std::vector<std::string> targets{};  // the actions of targets; empty: all. Other events are in histories alone.
};

// The seconds since 1970 that a text says: "2011-11-10", "2011-11-10 12:00" in UTC, or a number. Throws UsageError that
// names the option.
Index moment(std::string_view text, const char* option);

// What a split divides, and what leaks into it.
struct EventSplitReport {
    Index train = 0, valid = 0, test = 0, none = 0;  // the events of each mark
    Index before_training = 0;  // targets of valid and test that are older than the newest event of train
    Index tied = 0;             // targets of valid and test that share the second with an event outside of their basket
};

// Sets the marks of all events. Users with fewer than three baskets or events are train alone under the two rules of
// the last. Throws Error, with nothing changed, for an unknown action, for shares that are not in [0, 1), for moments
// that do not rise, and when nothing would be left to train on.
EventSplitReport split_events(EventsDataset& dataset, const SplitOptions& options);

// The report of the marks that a data set has.
EventSplitReport report_split(const Events& events);

}  // namespace kvmem
