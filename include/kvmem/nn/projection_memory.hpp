// Associative recall by projection: the classical optimum beside modern Hopfield networks (hopfield.hpp).
#pragma once

#include "kvmem/core/matrix.hpp"

#include <vector>

namespace kvmem {

// The associative memory of the projection rule (Personnaz et al. 1985; Kohonen 1977, chapter 6). Its weights
// W = X^+ X, of patterns X [n, D] and their pseudo-inverse X^+, project on the span of the patterns. So every pattern
// is a fixed point exactly, however alike the patterns are, as long as n is well below D. Holds an orthonormal basis of
// the span. Several threads may recall at once; the bits do not depend on the number of threads.
class ProjectionMemory {
  public:
    // patterns [n, D], of which those that depend on others add nothing. Throws Error when D is 0 or a number is not
    // finite.
    explicit ProjectionMemory(ConstView patterns);

    // states [B, D] to the nearest points in the span [B, D]. Throws Error when shapes do not fit.
    [[nodiscard]] Matrix project(ConstView states) const;

    // What recall() finds.
    struct Recall {
        Matrix state;              // [B, D] at rest
        std::vector<Index> steps;  // until each state rested; 0: it did not in max_steps
    };
    // For patterns of -1 and 1: a state becomes the signs of its projection until none of them changes. A number whose
    // projection is 0 stays. Throws Error when shapes do not fit or max_steps is below 1.
    [[nodiscard]] Recall recall(ConstView states, Index max_steps = 32) const;

    Index rank() const { return basis_.rows(); }  // independent patterns

  private:
    Matrix basis_;  // [rank, D], orthonormal rows
};

}  // namespace kvmem
