// The best slots of a query by their exact scores, chosen from candidates of which a scan knows upper bounds.
#pragma once

#include "store/search/query.hpp"
#include "store/snapshot.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

namespace kvmem::store {

struct ScoredSlot {
    float score;
    Id id;
    Location location;
};
// The order of results: larger scores first, and smaller ids first among equal scores.
inline bool ranks_before(const ScoredSlot& a, const ScoredSlot& b) {
    return a.score > b.score || (a.score == b.score && a.id < b.id);
}

// The k best of the slots that were added with a score of at least min_score.
class TopK {
  public:
    TopK(Index k, float min_score) : k_(k), min_score_(min_score) {}

    // Slots with a smaller score cannot enter any more.
    float threshold() const { return is_full() ? std::max(min_score_, heap_.front().score) : min_score_; }
    bool is_full() const { return heap_.size() == k_; }
    void add(const ScoredSlot& slot) {
        if (!(slot.score >= min_score_)) return;
        if (is_full()) {
            if (!ranks_before(slot, heap_.front())) return;
            std::pop_heap(heap_.begin(), heap_.end(), ranks_before);
            heap_.back() = slot;
        } else {
            heap_.push_back(slot);
        }
        std::push_heap(heap_.begin(), heap_.end(), ranks_before);
    }
    void merge(const TopK& other) {
        for (const ScoredSlot& slot : other.heap_) add(slot);
    }
    Index size() const { return std::ssize(heap_); }
    std::vector<ScoredSlot> sorted() const {
        std::vector<ScoredSlot> all = heap_;
        std::sort(all.begin(), all.end(), ranks_before);
        return all;
    }

  private:
    std::size_t k_;
    float min_score_;
    std::vector<ScoredSlot> heap_;  // the worst slot is at its front
};

// The best threshold that any thread has found for a query. It only rises, and a stale value merely lets more
// candidates through, so that relaxed memory order is enough.
class SharedThreshold {
  public:
    float get() const { return score_.load(std::memory_order_relaxed); }
    void raise(float score) {
        float now = get();
        while (score > now && !score_.compare_exchange_weak(now, score, std::memory_order_relaxed)) {
        }
    }

  private:
    std::atomic<float> score_{-std::numeric_limits<float>::infinity()};
};

// Candidates of one task for one query. They are scored in batches, the most promising first: these raise the
// threshold, below which most of the others need no score.
class CandidateBuffer {
  public:
    // `where` may be empty. All references must outlive the buffer.
    CandidateBuffer(const Snapshot& snapshot, const Queries& queries, Index query, const std::function<bool(Id)>& where,
                    Index k, float min_score, SharedThreshold& shared)
        : snapshot_(snapshot),
          queries_(queries),
          query_(query),
          where_(where),
          top_k_(k, min_score),
          shared_(shared),
          first_batch_(std::min<Index>(k, 1024)),
          capacity_(first_batch_ + 64) {
        refresh();
    }

    // In the terms of scans: a slot that cannot reach it is no candidate.
    double threshold() const { return threshold_; }
    void refresh() { threshold_ = queries_.threshold(query_, std::max(top_k_.threshold(), shared_.get())); }

    // `upper` bounds what the slot can reach, in the terms of scans.
    void add(Location location, double upper) {
        candidates_.push_back({static_cast<float>(upper + std::abs(upper) * 0x1p-22),
                               static_cast<std::uint32_t>(location.segment),
                               static_cast<std::uint32_t>(location.slot)});
        if (candidates_.size() >= capacity_) flush();
    }
    // Scores all candidates and empties the buffer.
    void flush();

    const TopK& top_k() const { return top_k_; }

  private:
    struct Candidate {
        float upper;
        std::uint32_t segment, slot;
    };
    void score(std::size_t first, std::size_t end);
    const float* key_of(const Candidate& c) const { return snapshot_.segments[c.segment].segment->key(c.slot); }

    const Snapshot& snapshot_;
    const Queries& queries_;
    Index query_;
    const std::function<bool(Id)>& where_;
    TopK top_k_;
    SharedThreshold& shared_;
    std::size_t first_batch_, capacity_;
    double threshold_ = 0;
    std::vector<Candidate> candidates_;
};

}  // namespace kvmem::store
