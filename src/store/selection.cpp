#include "store/selection.hpp"

namespace kvmem::store {

void Selection::settle() {
    std::sort(candidates_.begin(), candidates_.end(),
              [](const Candidate& a, const Candidate& b) { return a.upper > b.upper; });
    refresh();
    const std::size_t width = static_cast<std::size_t>(state_.options.key_width);
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
        const Candidate& c = candidates_[i];
        if (!(c.upper >= threshold_)) break;
        if (i + 4 < candidates_.size()) {  // keys lie anywhere: they are asked for a few candidates ahead
            const Place next = candidates_[i + 4].place;
            const float* row = state_.slices[static_cast<std::size_t>(next.slice)].part->keys.data() +
                               next.slot * state_.options.key_width;
            for (std::size_t at = 0; at < std::min<std::size_t>(width, 256); at += 16) __builtin_prefetch(row + at);
        }
        const Part& part = *state_.slices[static_cast<std::size_t>(c.place.slice)].part;
        const Id id = part.ids[c.place.slot];
        if (where_ && !where_(id)) continue;
        const float score = queries_.score(query_, part.keys.data() + c.place.slot * state_.options.key_width);
        best_.take({score, id, c.place});
        if (best_.is_full()) {
            shared_.raise(best_.least());
            refresh();
        }
    }
    candidates_.clear();
}

}  // namespace kvmem::store
