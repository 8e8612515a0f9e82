#include "kvmem/tasks/recommendation/event_memory.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kvmem {

EventMemory::EventMemory(const Events& events, Index group, Index items, std::initializer_list<EventMark> marks) {
    for (Index user = 0; user < events.users(); ++user) {
        const auto [first, end] = events.of_user(user);
        for (Index e = first; e < end; ++e) {
            if (events.group[e] != group || std::ranges::find(marks, events.mark[e]) == marks.end()) continue;
            item_.push_back(events.object[e]);
            time_.push_back(events.time[e]);
            user_.push_back(static_cast<Token>(user));
            last_time_ = std::max(last_time_, events.time[e]);
        }
        user_offsets_.push_back(size());
    }
    occurrences_.offsets.assign(items + 1, 0);
    for (const Token item : item_) ++occurrences_.offsets[item + 1];
    for (Index i = 0; i < items; ++i) occurrences_.offsets[i + 1] += occurrences_.offsets[i];
    occurrences_.values.resize(item_.size());
    std::vector<Index> next(occurrences_.offsets.begin(), occurrences_.offsets.end() - 1);
    for (Index e = 0; e < size(); ++e) occurrences_.values[next[item_[e]]++] = e;
    for (Index i = 0; i < items; ++i)
        std::stable_sort(occurrences_.values.begin() + occurrences_.offsets[i],
                         occurrences_.values.begin() + occurrences_.offsets[i + 1],
                         [&](Index a, Index b) { return time_[a] < time_[b]; });
    occurrence_time_.reserve(item_.size());
    for (const Index e : occurrences_.values) occurrence_time_.push_back(time_[e]);
}

std::pair<Index, Index> EventMemory::sequence_of(Index event) const {
    const Token user = user_[event];
    return {user_offsets_[user], user_offsets_[user + 1]};
}

Index EventMemory::count_before(Token item, Index when) const {
    const std::span<const Index> times = times_of(item);
    if (when > last_time_) return std::ssize(times);
    return std::ranges::lower_bound(times, when) - times.begin();
}

// The count right after an occurrence is 1, plus the count after the one before it, decayed.
DecayedCounts::DecayedCounts(const EventMemory& memory, double half_life)
    : memory_(&memory), rate_(half_life > 0 ? 1 / (half_life * seconds_per_day) : 0) {
    for (Index i = 0; i < memory.items(); ++i) {
        double sum = 0;
        Index before = 0;
        for (const Index e : memory.occurrences(static_cast<Token>(i))) {
            // The first one has none before it, and the time since year 0 could overflow.
            sum = sum == 0 ? 1 : 1 + sum * std::exp2(-rate_ * static_cast<double>(memory.time(e) - before));
            before = memory.time(e);
            sums_.values.push_back(static_cast<float>(sum));
        }
        sums_.end_row();
    }
}

double DecayedCounts::after(Token item, Index occurrences, Index when) const {
    if (occurrences == 0) return 0;
    const double count{sums_[item][occurrences - 1]};
    if (rate_ == 0) return count;
    const Index last = memory_->times_of(item)[occurrences - 1];
    return count * std::exp2(-rate_ * static_cast<double>(when - last));
}

double DecayedCounts::at(Token item, Index when) const { return after(item, memory_->count_before(item, when), when); }

// The times are taken as they rise, so that each search begins where the one before ended.
void DecayedCounts::at(std::span<const Index> times, View counts) const {
    require_shape(counts.rows == std::ssize(times) && counts.cols == memory_->items(), "DecayedCounts::at",
                  "a row for each time, a column for each item");
    std::vector<Index> order(times.size());
    std::iota(order.begin(), order.end(), Index{0});
    std::ranges::sort(order, {}, [&](Index t) { return times[t]; });
    for (Token item = 0; item < counts.cols; ++item) {
        const std::span<const Index> all = memory_->times_of(item);
        Index before = order.empty() ? 0 : memory_->count_before(item, times[order.front()]);
        for (const Index t : order) {
            before = std::lower_bound(all.begin() + before, all.end(), times[t]) - all.begin();
            counts(t, item) = static_cast<Real>(after(item, before, times[t]));
        }
    }
}

}  // namespace kvmem
