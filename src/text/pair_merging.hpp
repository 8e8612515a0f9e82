// Byte-pair encoding over tokens. Not installed.
#pragma once

#include "kvmem/text/units.hpp"

#include <functional>
#include <queue>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace kvmem {

using CountedText = std::pair<std::string_view, Index>;

// The first `count` merges that words and their counts teach (Units::learn). The token of byte b is first_byte + b; the
// merged tokens follow.
std::vector<Units::Merge> learn_merges(std::span<const CountedText> words, Token first_byte, Index count);

// Merges pairs of a word's tokens in place, the one with the lowest merged token first, from left to right, and returns
// how many tokens the word has then. merged(left, right) is the merged token, or negative. Takes n log n steps.
template <class Merged>
std::size_t merge_pairs(std::span<Token> word, Merged merged) {
    struct Pair {
        Token merged;
        std::size_t left, right;  // positions of the two
        bool operator>(const Pair& other) const {
            return merged != other.merged ? merged > other.merged : left > other.left;
        }
    };
    const std::size_t none = word.size();
    std::vector<std::size_t> before(none), after(none);
    std::priority_queue<Pair, std::vector<Pair>, std::greater<>> pairs;
    const auto add = [&](std::size_t left, std::size_t right) {
        if (left == none || right == none) return;
        if (const Token token = merged(word[left], word[right]); token >= 0) pairs.push({token, left, right});
    };
    for (std::size_t i = 0; i < none; ++i) before[i] = i == 0 ? none : i - 1, after[i] = i + 1;
    for (std::size_t i = 0; i + 1 < none; ++i) add(i, i + 1);
    while (!pairs.empty()) {
        const auto [token, left, right] = pairs.top();
        pairs.pop();
        // A pair is out of date when one of its tokens was merged: that one is negative, or the pair is another now.
        if (word[left] < 0 || word[right] < 0 || after[left] != right || merged(word[left], word[right]) != token)
            continue;
        word[left] = token, word[right] = -1;
        after[left] = after[right];
        if (after[left] != none) before[after[left]] = left;
        add(before[left], left), add(left, after[left]);
    }
    std::size_t count = 0;
    for (const Token token : word)
        if (token >= 0) word[count++] = token;
    return count;
}

}  // namespace kvmem
