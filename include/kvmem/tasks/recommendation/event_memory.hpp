// The memory of what all users did: occurrences of items by their times, and what came before and after each.
//
// It is a key-value memory: the key is an item of a history, the values are what other users took next. Models that
// count read it, with a time up to which it counts. Several threads may read it.
#pragma once

#include "kvmem/core/matrix.hpp"
#include "kvmem/core/ragged.hpp"
#include "kvmem/tasks/recommendation/history.hpp"

#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

namespace kvmem {

class EventMemory {
  public:
    // Holds the events of a group with `items` objects that have one of the marks.
    EventMemory(const Events& events, Index group, Index items, std::initializer_list<EventMark> marks);

    // The number of items, of users and of events that it holds.
    Index items() const { return occurrences_.size(); }
    Index users() const { return std::ssize(user_offsets_) - 1; }
    Index size() const { return std::ssize(item_); }
    // Its events are numbered by user, then in the order of time.
    Token item(Index event) const { return item_[event]; }
    Index time(Index event) const { return time_[event]; }
    // The first event of the user of `event`, and one past the last.
    std::pair<Index, Index> sequence_of(Index event) const;
    // The events with this item, their times rising.
    std::span<const Index> occurrences(Token item) const { return occurrences_[item]; }
    // The times of the occurrences.
    std::span<const Index> times_of(Token item) const {
        return std::span(occurrence_time_).subspan(occurrences_.offsets[item], occurrences(item).size());
    }
    // The number of occurrences before `when`.
    Index count_before(Token item, Index when) const;
    // The time of the latest event of all, or Events::min_time of none.
    Index last_time() const { return last_time_; }

  private:
    std::vector<Index> user_offsets_{0};
    std::vector<Token> item_, user_;
    std::vector<Index> time_;
    Ragged<Index> occurrences_;
    std::vector<Index> occurrence_time_;  // beside the values of occurrences_, because most reads need times alone
    Index last_time_ = Events::min_time;
};

// How often each item occurs, where an occurrence loses half of its weight with every half-life.
class DecayedCounts {
  public:
    // The memory must outlive it. A half-life is in days; 0 stands for none, so that all occurrences count 1.
    DecayedCounts(const EventMemory& memory, double half_life);

    // The count of the occurrences before `when`.
    double at(Token item, Index when) const;
    // counts[t, item] = at(item, times[t]). Throws Error for another shape.
    void at(std::span<const Index> times, View counts) const;

  private:
    // The count at `when`, with `occurrences` of the item before it.
    double after(Token item, Index occurrences, Index when) const;

    const EventMemory* memory_;
    double rate_;         // halvings a second
    Ragged<float> sums_;  // of each occurrence: the count right after it
};

// A day, as times count it.
constexpr Index seconds_per_day = 86400;

}  // namespace kvmem
