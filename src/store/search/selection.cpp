#include "store/search/selection.hpp"

namespace kvmem::store {

// Candidates [first, end) by their exact scores.
void Selection::look_at(std::size_t first, std::size_t end) {
    constexpr std::size_t ahead = 4;  // keys lie anywhere: they are asked for some candidates before they are needed
    const auto ask = [this](const Candidate& c) {
        const float* key = key_of(c);
        for (Index at = 0; at < std::min<Index>(state_.options.key_width, 256); at += 16) __builtin_prefetch(key + at);
    };
    for (std::size_t i = first; i < std::min(end, first + ahead); ++i) ask(candidates_[i]);
    for (std::size_t i = first; i < end; ++i) {
        const Candidate& c = candidates_[i];
        if (i + ahead < end) ask(candidates_[i + ahead]);
        if (!(double{c.upper} >= threshold_)) continue;
        const Id id = state_.slices[c.slice].part->ids[c.slot];
        if (where_ && !where_(id)) continue;
        const float least = best_.least();
        best_.take({queries_.score(query_, key_of(c)), id, {c.slice, c.slot}});
        if (best_.is_full() && best_.least() > least) {
            shared_.raise(best_.least());
            refresh();
        }
    }
}

void Selection::settle() {
    const auto higher = [](const Candidate& a, const Candidate& b) { return a.upper > b.upper; };
    refresh();
    const std::size_t first = std::min(candidates_.size(), wanted_);
    std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(first), candidates_.end(),
                     higher);
    look_at(0, first);
    // What is left after these are known is little.
    candidates_.erase(std::remove_if(candidates_.begin() + static_cast<std::ptrdiff_t>(first), candidates_.end(),
                                     [this](const Candidate& c) { return !(double{c.upper} >= threshold_); }),
                      candidates_.end());
    std::sort(candidates_.begin() + static_cast<std::ptrdiff_t>(first), candidates_.end(), higher);
    look_at(first, candidates_.size());
    candidates_.clear();
}

}  // namespace kvmem::store
