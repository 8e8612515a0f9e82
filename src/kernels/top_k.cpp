#include "kvmem/kernels/top_k.hpp"

#include <algorithm>
#include <limits>

namespace kvmem {

static bool better(const Scored& a, const Scored& b) {
    return a.score > b.score || (a.score == b.score && a.index < b.index);
}

std::vector<Scored> top_k(std::span<const Real> scores, Index k) {
    std::vector<Scored> best;  // a heap whose front is the worst of the best
    const auto room = static_cast<std::size_t>(std::clamp<Index>(k, 0, static_cast<Index>(scores.size())));
    best.reserve(room);
    if (room == 0) return best;
    for (std::size_t i = 0; i < scores.size(); ++i) {
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
    }
    std::sort_heap(best.begin(), best.end(), better);
    return best;
}

}  // namespace kvmem
