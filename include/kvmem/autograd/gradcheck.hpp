// Compares the gradients that operations give with numeric ones. For your own operations too: link
// kvmem::core_double, where the numeric gradient is good to some eight digits.
#pragma once

#include "kvmem/autograd/tape.hpp"

#include <functional>
#include <string>

namespace kvmem {

// The largest error of a check and its place.
struct GradcheckResult {
    double error = 0;   // the largest |analytic - numeric| / max(1, |analytic|, |numeric|); NaN if any is NaN
    std::string where;  // "key[3, 1]: analytic 0.25, numeric 0.5"
};

// `function` makes a matrix from the parameters on a fresh tape; all its numbers are weighted with fixed
// random ones and summed, and that sum is differentiated, numerically by central differences of `step`. The
// parameters are as before when it returns or throws; those that are not trainable are not checked. `seed` seeds the
// tape, so that dropout drops the same numbers every time.
GradcheckResult gradcheck(const std::function<Var(Tape&)>& function, Parameters& parameters,
                          double step = sizeof(Real) == 8 ? 1e-5 : 1e-2, std::uint64_t seed = 1);

}  // namespace kvmem
