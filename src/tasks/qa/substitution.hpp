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
//   - of paths that differ in one relation, they stand for the relations: "directed" and "wrote".
//
// A rule that enough pairs teach is applied to the other phrasings ("what is a film directed by X" becomes "what is a
// movie written by X"). What two paths would share is left out, and what has a word that only goes with a relation
// that the path has not. (Andreas 2020, "Good-Enough Compositional Data Augmentation", arXiv 1904.09545, has fragments
// of shared contexts; here paths say what a substitution does to the meaning.)
std::vector<Phrasing> substitute(const std::vector<Phrasing>& known);

}  // namespace kvmem
