// Names in a text that do not overlap. Not installed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace kvmem {

// Appends those of `ranked`, the best first, that share no word with a better one, and sorts all by their first word.
// A match is words [first, first + words) of a text with `count` of them.
template <class Match>
void choose_apart(std::vector<Match>& ranked, std::size_t count, std::vector<Match>& chosen) {
    std::vector<bool> taken(count);
    for (Match& match : ranked) {
        const auto begin = taken.begin() + static_cast<std::ptrdiff_t>(match.first);
        const auto end = begin + static_cast<std::ptrdiff_t>(match.words);
        if (std::find(begin, end, true) != end) continue;
        std::fill(begin, end, true);
        chosen.push_back(std::move(match));
    }
    std::ranges::sort(chosen, {}, &Match::first);
}

}  // namespace kvmem
