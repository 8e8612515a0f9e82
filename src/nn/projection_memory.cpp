#include "kvmem/nn/projection_memory.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/kernels/gemm.hpp"
#include "nn/orthonormal.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

static ConstView checked(ConstView patterns) {
    require_shape(patterns.cols >= 1, "ProjectionMemory", "patterns [n, D]");
    require_shape(std::ranges::all_of(patterns.span(), [](Real x) { return std::isfinite(x); }), "ProjectionMemory",
                  "finite numbers");
    return patterns;
}

// Patterns were rounded to Real: what is left of one outside of the others, below this share, is rounding.
static constexpr double rounding = sizeof(Real) == sizeof(float) ? 1e-5 : 1e-12;

ProjectionMemory::ProjectionMemory(ConstView patterns)
    : basis_(detail::orthonormal_rows(checked(patterns), rounding)) {}

Matrix ProjectionMemory::project(ConstView states) const {
    require_shape(states.cols == basis_.cols(), "ProjectionMemory", "states [B, D] as wide as the patterns");
    Matrix shares(states.rows, rank()), projected(states.rows, states.cols);
    gemm(1, states, Transpose::no, basis_, Transpose::yes, 0, shares);
    gemm(1, shares, Transpose::no, basis_, Transpose::no, 0, projected);
    return projected;
}

// Whether a sign has changed.
static bool take_signs(const Real* projected, Real* state, Index width) {
    bool changed = false;
    for (Index j = 0; j < width; ++j) {
        if (projected[j] == 0) continue;
        const Real sign = projected[j] < 0 ? Real{-1} : Real{1};
        changed |= state[j] != sign;
        state[j] = sign;
    }
    return changed;
}

ProjectionMemory::Recall ProjectionMemory::recall(ConstView states, Index max_steps) const {
    require_shape(max_steps >= 1, "ProjectionMemory::recall", "at least one step");
    Recall result{Matrix(states.rows, states.cols), std::vector<Index>(states.rows)};
    std::ranges::copy(states.span(), result.state.data());
    // All states are projected in every step, those at rest too: a state at rest stays.
    for (Index step = 1; step <= max_steps && std::ranges::count(result.steps, 0) > 0; ++step) {
        const Matrix projected = project(result.state);
        for (Index i = 0; i < states.rows; ++i)
            if (!take_signs(projected.row(i), result.state.row(i), states.cols) && result.steps[i] == 0)
                result.steps[i] = step;
    }
    return result;
}

}  // namespace kvmem
