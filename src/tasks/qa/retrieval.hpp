// Key hashing (kvmem/tasks/qa/retriever.hpp) over buckets of slots, which are here or in shards. Not installed.
//
// Buckets have these functions: sizes(tokens) of the bucket of each token; append(tokens, slots), which appends the
// slots of these buckets; and append_values(slots, tokens), which appends the values' tokens.
#pragma once

#include "kvmem/tasks/qa/retriever.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

namespace kvmem {

// The buckets of a retriever, whose memory only append_values reads.
struct OwnBuckets {
    const Retriever& retriever;
    const Slots* memory;

    [[nodiscard]] std::vector<Index> sizes(std::span<const Token> tokens) const {
        std::vector<Index> all;
        all.reserve(tokens.size());
        for (const Token token : tokens) all.push_back(std::ssize(retriever.bucket(token)));
        return all;
    }
    void append(std::span<const Token> tokens, std::vector<Index>& slots) const {
        for (const Token token : tokens) {
            const std::span<const Index> bucket = retriever.bucket(token);
            slots.insert(slots.end(), bucket.begin(), bucket.end());
        }
    }
    void append_values(std::span<const Index> slots, std::vector<Token>& tokens) const {
        for (const Index slot : slots) {
            const std::span<const Token> value = memory->value[slot];
            tokens.insert(tokens.end(), value.begin(), value.end());
        }
    }
};

// The slots of these tokens' buckets, rising, without buckets that are too large. If that leaves none, `or_rarest`
// takes the smallest bucket of all.
template <class Buckets>
std::vector<Index> find_slots(const Buckets& buckets, std::span<const Token> tokens, Index max_frequency,
                              bool or_rarest) {
    const std::vector<Index> sizes = buckets.sizes(tokens);
    std::vector<Token> small;
    std::size_t rarest = tokens.size();  // of the large ones, if any
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        if (sizes[i] > max_frequency && (rarest == tokens.size() || sizes[i] < sizes[rarest])) rarest = i;
        if (sizes[i] > 0 && sizes[i] <= max_frequency) small.push_back(tokens[i]);
    }
    if (small.empty() && or_rarest && rarest < tokens.size()) small.push_back(tokens[rarest]);
    std::vector<Index> found;
    buckets.append(small, found);
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

// Retriever::retrieve_by_hop.
template <class Buckets>
std::vector<std::vector<Index>> retrieve_by_hop(const Buckets& buckets, std::span<const Token> question,
                                                const RetrieverOptions& options) {
    const Index hops = options.strategy == Retrieval::question ? 1 : options.hops;
    std::vector<std::vector<Index>> by_hop;
    std::vector<Token> tokens(question.begin(), question.end()), seen;
    std::vector<Index> all;  // slots of earlier hops, rising
    Index left = options.max_slots;
    for (Index hop = 0; hop < hops; ++hop) {
        const std::vector<Index> found = find_slots(buckets, tokens, options.max_frequency, hop == 0);
        std::vector<Index>& added = by_hop.emplace_back();
        std::ranges::set_difference(found, all, std::back_inserter(added));
        added.resize(std::min(left, std::ssize(added)));
        left -= std::ssize(added);
        std::vector<Index> both;
        std::ranges::merge(all, added, std::back_inserter(both));
        all = std::move(both);
        if (hop + 1 == hops) break;
        seen.insert(seen.end(), tokens.begin(), tokens.end());
        std::ranges::sort(seen);
        std::vector<Token> values;
        buckets.append_values(added, values);
        std::ranges::sort(values);
        values.erase(std::unique(values.begin(), values.end()), values.end());
        tokens.clear();
        std::ranges::set_difference(values, seen, std::back_inserter(tokens));
    }
    return by_hop;
}

}  // namespace kvmem
