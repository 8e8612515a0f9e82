#include "kvmem/kernels/top_k.hpp"

#include "kernels/log_sum.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace kvmem {

static bool better(const Scored& a, const Scored& b) {
    return a.score > b.score || (a.score == b.score && a.index < b.index);
}

// Whether one of the scores is above `bound`: no branch for each, so that the compiler makes vectors of them.
static bool any_above(std::span<const Real> scores, Real bound) {
    unsigned above = 0;
    for (const Real score : scores) above |= static_cast<unsigned>(score > bound);
    return above != 0;
}

namespace {

// The best scores of a row, part after part.
class Best {
  public:
    Best(Index k, std::size_t scores)
        : room_(static_cast<std::size_t>(std::clamp<Index>(k, 0, static_cast<Index>(scores)))) {
        best_.reserve(room_);
    }
    // Scores behind those before, the first of them at this place.
    void add(std::span<const Real> scores, Index place) {
        constexpr std::size_t block = 64;
        for (std::size_t first = 0; first < scores.size() && room_ > 0; first += block) {
            const std::size_t count = std::min(block, scores.size() - first);
            // Later scores have larger indices, so an equal one is not better.
            if (best_.size() == room_ && !any_above(scores.subspan(first, count), best_.front().score)) continue;
            for (std::size_t i = first; i < first + count; ++i) take(place + static_cast<Index>(i), scores[i]);
        }
    }
    std::vector<Scored> sorted() && {
        std::sort_heap(best_.begin(), best_.end(), better);
        return std::move(best_);
    }

  private:
    void take(Index index, Real score) {
        const Scored here{index, score == score ? score : -std::numeric_limits<Real>::infinity()};
        if (best_.size() < room_) {
            best_.push_back(here);
            std::push_heap(best_.begin(), best_.end(), better);
        } else if (better(here, best_.front())) {
            std::pop_heap(best_.begin(), best_.end(), better);
            best_.back() = here;
            std::push_heap(best_.begin(), best_.end(), better);
        }
    }

    std::size_t room_;
    std::vector<Scored> best_;  // a heap whose front is the worst
};

}  // namespace

std::vector<Scored> top_k(std::span<const Real> scores, Index k) {
    Best best(k, scores.size());
    best.add(scores, 0);
    return std::move(best).sorted();
}

std::vector<Scored> top_k_log_softmax(std::span<const Real> scores, Index k) {
    Best best(k, scores.size());
    detail::LogSum sum;
    detail::for_blocks(scores, [&](std::span<const Real> block, Index first) {
        sum.add(block);
        best.add(block, first);
    });
    const detail::LogSoftmax normalized = sum.result();
    std::vector<Scored> all = std::move(best).sorted();
    for (Scored& scored : all) {
        const Real score = normalized(scored.score);
        scored.score = std::isnan(score) ? -std::numeric_limits<Real>::infinity() : score;
    }
    return all;
}

}  // namespace kvmem
