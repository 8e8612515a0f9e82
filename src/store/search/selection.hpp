// The best slots of a query, by their exact scores, from candidates of which only a bound is known.
#pragma once

#include "store/search/query.hpp"
#include "store/state.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

namespace kvmem::store {

struct Ranked {
    float score;
    Id id;
    Place place;
};
// The order of results: the larger score, then the smaller id.
inline bool better(const Ranked& a, const Ranked& b) {
    return a.score > b.score || (a.score == b.score && a.id < b.id);
}

// At most k slots of at least `floor`.
class Best {
  public:
    Best(Index k, float floor) : k_(static_cast<std::size_t>(k)), floor_(floor) {}

    // A slot with a smaller score is not wanted any more.
    float least() const { return is_full() ? std::max(floor_, heap_.front().score) : floor_; }
    bool is_full() const { return heap_.size() == k_; }
    void take(const Ranked& slot) {
        if (!(slot.score >= floor_)) return;
        if (is_full()) {
            if (!better(slot, heap_.front())) return;
            std::pop_heap(heap_.begin(), heap_.end(), better);
            heap_.back() = slot;
        } else {
            heap_.push_back(slot);
        }
        std::push_heap(heap_.begin(), heap_.end(), better);
    }
    void take(const Best& other) {
        for (const Ranked& slot : other.heap_) take(slot);
    }
    Index size() const { return static_cast<Index>(heap_.size()); }
    std::vector<Ranked> sorted() const {
        std::vector<Ranked> all = heap_;
        std::sort(all.begin(), all.end(), better);
        return all;
    }

  private:
    std::size_t k_;
    float floor_;
    std::vector<Ranked> heap_;  // its front is the worst
};

// A score that several threads raise.
class Floor {
  public:
    explicit Floor(float score = -std::numeric_limits<float>::infinity()) : score_(score) {}
    float get() const { return score_.load(std::memory_order_relaxed); }
    void raise(float score) {
        float now = get();
        while (score > now && !score_.compare_exchange_weak(now, score, std::memory_order_relaxed)) {
        }
    }

  private:
    std::atomic<float> score_;
};

// What one task finds for one query. Candidates gather until they are worth looking at: then the most promising come
// first, so that most of the others need not be.
class Selection {
  public:
    // `where` may be empty. All of them must outlive the selection.
    Selection(const State& state, const Queries& queries, Index query, const std::function<bool(Id)>& where, Index k,
              float floor, Floor& shared)
        : state_(state),
          queries_(queries),
          query_(query),
          where_(where),
          best_(k, floor),
          shared_(shared),
          wanted_(static_cast<std::size_t>(std::min<Index>(k, 1024))),
          room_(static_cast<std::size_t>(std::min<Index>(k, 1024)) + 64) {
        refresh();
    }

    // In the terms of scans: what a slot must be able to reach to be a candidate.
    double threshold() const { return threshold_; }
    void refresh() { threshold_ = queries_.threshold(query_, std::max(best_.least(), shared_.get())); }

    // `upper`: what the slot can reach at most, in the terms of scans.
    void candidate(Place place, double upper) {
        candidates_.push_back({static_cast<float>(upper + std::abs(upper) * 0x1p-22),
                               static_cast<std::uint32_t>(place.slice), static_cast<std::uint32_t>(place.slot)});
        if (candidates_.size() >= room_) settle();
    }
    // Looks at all candidates.
    void settle();

    const Best& best() const { return best_; }

  private:
    struct Candidate {
        float upper;
        std::uint32_t slice, slot;
    };
    void look_at(std::size_t first, std::size_t end);
    const float* key_of(const Candidate& c) const {
        return state_.slices[c.slice].part->keys.data() + Index{c.slot} * state_.options.key_width;
    }

    const State& state_;
    const Queries& queries_;
    Index query_;
    const std::function<bool(Id)>& where_;
    Best best_;
    Floor& shared_;
    std::size_t wanted_, room_;
    double threshold_ = 0;
    std::vector<Candidate> candidates_;
};

}  // namespace kvmem::store
