#include "store/search/candidates.hpp"

namespace kvmem::store {

// Scores candidates [first, end) by their float keys.
void CandidateBuffer::score(std::size_t first, std::size_t end) {
    constexpr std::size_t distance = 4;  // keys lie anywhere, so each is prefetched some candidates ahead
    const auto prefetch = [this](const Candidate& c) {
        const float* key = key_of(c);
        for (Index at = 0; at < std::min<Index>(snapshot_.options.key_width, 256); at += 16)
            __builtin_prefetch(key + at);
    };
    for (std::size_t i = first; i < std::min(end, first + distance); ++i) prefetch(candidates_[i]);
    for (std::size_t i = first; i < end; ++i) {
        const Candidate& c = candidates_[i];
        if (i + distance < end) prefetch(candidates_[i + distance]);
        if (!(double{c.upper} >= threshold_)) continue;
        const Id id = snapshot_.segments[c.segment].segment->ids[c.slot];
        if (where_ && !where_(id)) continue;
        const float before = top_k_.threshold();
        top_k_.add({queries_.score(query_, key_of(c)), id, {c.segment, c.slot}});
        if (top_k_.is_full() && top_k_.threshold() > before) {
            shared_.raise(top_k_.threshold());
            refresh();
        }
    }
}

void CandidateBuffer::flush() {
    const auto is_higher = [](const Candidate& a, const Candidate& b) { return a.upper > b.upper; };
    refresh();
    const std::size_t first = std::min(candidates_.size(), first_batch_);
    const auto rest = candidates_.begin() + first;
    std::nth_element(candidates_.begin(), rest, candidates_.end(), is_higher);
    score(0, first);
    // The scores of the first batch raise the threshold, and few of the others can reach it.
    candidates_.erase(std::remove_if(rest, candidates_.end(),
                                     [this](const Candidate& c) { return !(double{c.upper} >= threshold_); }),
                      candidates_.end());
    std::sort(candidates_.begin() + first, candidates_.end(), is_higher);
    score(first, candidates_.size());
    candidates_.clear();
}

}  // namespace kvmem::store
