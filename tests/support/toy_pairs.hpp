// A small data set of pairs: words of the letters a to h, and the same words from their ends.
#pragma once

#include "kvmem/core/rng.hpp"
#include "kvmem/tasks/sequences/dataset.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem::test {

inline PairsDataset toy_pairs(Index train = 200, Index valid = 20) {
    std::vector<std::string> words;
    std::set<std::string> seen;
    Rng rng(7);
    while (std::ssize(words) < train + valid) {
        std::string word;
        for (Index i = 1 + rng.below(6); i > 0; --i) word += static_cast<char>('a' + rng.below(8));
        if (seen.insert(word).second) words.push_back(word);
    }
    PairsDataset data;
    const std::vector<std::string_view> views(words.begin(), words.end());
    data.source = data.target = Units::learn(UnitKind::chars, views);
    for (std::size_t i = 0; i < words.size(); ++i) {
        PairSplit& split = data.splits[std::cmp_less(i, train) ? "train" : "valid"];
        split.source.push_row(data.source.encode(words[i]));
        std::ranges::reverse(words[i]);
        split.target.push_row(data.target.encode(words[i]));
    }
    return data;
}

}  // namespace kvmem::test
