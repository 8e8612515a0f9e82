// Pairs of texts on the way to a data set. Not installed.
#pragma once

#include "kvmem/tasks/sequences/import.hpp"

#include <string_view>
#include <vector>

namespace kvmem {

struct TextPair {
    std::string_view source, target;
    std::string_view mark{};  // of the source: "fra", or none
};
using TextPairs = std::vector<TextPair>;

// A number for the source of each pair, the same for equal ones, in the order in which they occur.
std::vector<Index> numbered_sources(const TextPairs& pairs);
// The different pairs, those of a source one after the other; sources and their targets in the order of the pairs.
TextPairs distinct_by_source(const TextPairs& pairs);

// The units that one side of pairs teaches.
Units learn_side(const TextPairs& pairs, std::string_view TextPair::*side, const UnitChoice& choice);

// A split with each pair as an example, and one with the targets of a source as its references.
PairSplit encode_pairs(const TextPairs& pairs, const Units& source, const Units& target);
PairSplit encode_references(const TextPairs& pairs, const Units& source, const Units& target);

}  // namespace kvmem
