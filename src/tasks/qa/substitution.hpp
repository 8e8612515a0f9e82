// Phrasings of questions made from others by substitution. Not installed.
#pragma once

#include "kvmem/core/types.hpp"

#include <vector>

namespace kvmem {

// The place of the name in a phrasing.
constexpr Token name_place = -1;

// A question without its name, and the path of relations from the name to the answers. Relation r is 2 r, and 2 r + 1
// from object to subject.
struct Phrasing {
    std::vector<Token> words;  // name_place stands for the name
    std::vector<Token> path;
    auto operator<=>(const Phrasing&) const = default;
};

// Phrasings that are not among the known ones, each of a known path, in order. Two known phrasings that differ in up to
// three words at one place teach a rule:
//
//   - of one path, those words mean the same: "film" and "movie";
//   - of paths that differ in one relation, they stand for the relations: "directed" and "written".
//
// The first kind needs phrasings of three paths, the second two pairs. So "films written by X", beside "films directed
// by X" and one such pair more, makes "what is a film written by X" of "what is a film directed by X". What two paths
// would share is left out, and so is what has a word that only goes with a relation which the path has not. A path has
// 1,000 phrasings made, and a place of words teaches by 64 phrasings, at most.
//
// (Andreas 2020, "Good-Enough Compositional Data Augmentation", arXiv 1904.09545, exchanges fragments of shared
// contexts. Here paths say what a substitution does to the meaning.)
std::vector<Phrasing> substitute(const std::vector<Phrasing>& known);

}  // namespace kvmem
