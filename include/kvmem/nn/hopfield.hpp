// Associative recall without training: modern Hopfield networks (Ramsauer et al. 2020).
#pragma once

#include "kvmem/core/matrix.hpp"

#include <vector>

namespace kvmem {

// How recall() goes on.
struct HopfieldOptions {
    Real beta = 1;                             // how sharply the nearest pattern is chosen: inverse temperature
    Real tolerance = static_cast<Real>(1e-4);  // a state is at rest when none of its numbers changes by more
    // The maximum of steps, after which a state may not be at rest yet.
    Index max_steps = 32;
};

// Stored patterns X [S, D] are recalled from states that resemble them: a state xi becomes X' softmax(beta X xi) (eq.
// 3) until it rests, mostly after one step when the patterns are far apart. With a small beta it rests between
// patterns. Patterns may have values of another width, which recall() reads with the state at rest. The network copies
// what it stores; several threads may call recall() at once.
class Hopfield {
  public:
    // Throws Error unless beta is positive and finite, the tolerance not negative and max_steps at least 1.
    explicit Hopfield(const HopfieldOptions& options = {});

    // Adds patterns [n, D], or patterns with values [n, E]. The first call determines the widths and whether there are
    // values. Throws Error, with nothing stored, when shapes do not fit or a number is not finite.
    void store(ConstView patterns);
    void store(ConstView patterns, ConstView values);

    // What recall() finds.
    struct Recall {
        Matrix state;              // [B, D] at rest
        Matrix value;              // [B, E] read with it; empty when there are no values
        std::vector<Index> steps;  // until each state rested; 0: it did not in max_steps
    };
    // states [B, D], each independent of the others. Throws Error when shapes do not fit, a number is not finite, or
    // nothing is stored.
    [[nodiscard]] Recall recall(ConstView states) const;

    // The number S of stored patterns.
    Index size() const { return width_ == 0 ? 0 : static_cast<Index>(patterns_.size()) / width_; }

  private:
    HopfieldOptions options_;
    Index width_ = 0, value_width_ = 0;
    std::vector<Real> patterns_, values_;  // row by row
};

}  // namespace kvmem
