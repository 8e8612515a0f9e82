#include "kvmem/kernels/top_k.hpp"

#include <algorithm>
#include <limits>

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

std::vector<Scored> top_k(std::span<const Real> scores, Index k) {
    std::vector<Scored> best;  // a heap whose front is the worst of the best
    const auto room = static_cast<std::size_t>(std::clamp<Index>(k, 0, static_cast<Index>(scores.size())));
    best.reserve(room);
    if (room == 0) return best;
    const auto take = [&](std::size_t i) {
        const bool number = scores[i] == scores[i];
        const Scored here{static_cast<Index>(i), number ? scores[i] : -std::numeric_limits<Real>::infinity()};
        if (best.size() < room) {
            best.push_back(here);
            std::push_heap(best.begin(), best.end(), better);
        } else if (better(here, best.front())) {
            std::pop_heap(best.begin(), best.end(), better);
            best.back() = here;
            std::push_heap(best.begin(), best.end(), better);
        }
    };
    constexpr std::size_t block = 64;
    for (std::size_t first = 0; first < scores.size(); first += block) {
        const std::size_t count = std::min(block, scores.size() - first);
        // Later scores have larger indices, so an equal one is not better.
        if (best.size() == room && !any_above(scores.subspan(first, count), best.front().score)) continue;
        for (std::size_t i = first; i < first + count; ++i) take(i);
    }
    std::sort_heap(best.begin(), best.end(), better);
    return best;
}

}  // namespace kvmem
