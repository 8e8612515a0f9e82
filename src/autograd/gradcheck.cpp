#include "kvmem/autograd/gradcheck.hpp"

#include "kvmem/autograd/ops.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

// The weighted sum of everything that the function makes.
static Var project(Tape& tape, const std::function<Var(Tape&)>& function, std::uint64_t seed) {
    tape.reset();
    tape.seed(seed);
    const Var out = function(tape);
    const View weights = tape.arena().matrix(out.rows(), out.cols());
    Rng rng(seed, {1});
    for (Real& w : weights.span()) w = static_cast<Real>(rng.normal());
    return sum(out * tape.constant(weights));
}

// The slope of f at x by central differences. x is as before when this returns or throws.
template <class Function>
static double central_difference(Real& x, double step, Function f) {
    struct Restore {
        Real& x;
        Real before;
        ~Restore() { x = before; }
    };
    const auto at = [&](double offset) {
        const Restore restore{x, x};
        x = static_cast<Real>(double{x} + offset);
        return f();
    };
    return (at(step) - at(-step)) / (2 * step);
}

static void keep_worst(GradcheckResult& worst, const Parameter& p, Index i, Index j, double analytic, double numeric) {
    const double error = std::abs(analytic - numeric) / std::max({1.0, std::abs(analytic), std::abs(numeric)});
    // Written so that a NaN replaces any number, and no number replaces a NaN.
    if (error <= worst.error || std::isnan(worst.error)) return;
    worst.error = error;
    worst.where = p.name + "[" + std::to_string(i) + ", " + std::to_string(j) + "]: analytic " +
                  std::to_string(analytic) + ", numeric " + std::to_string(numeric);
}

GradcheckResult gradcheck(const std::function<Var(Tape&)>& function, Parameters& parameters, double step,
                          std::uint64_t seed) {
    Tape tape, probe;
    tape.backward(project(tape, function, seed));
    GradcheckResult worst;
    for (Parameter& p : parameters) {
        if (!p.trainable) continue;
        const SparseRows* gradient = tape.find_gradient(p);
        for (Index i = 0; i < p.value.rows(); ++i) {
            const Real* row = gradient ? gradient->find(i) : nullptr;
            for (Index j = 0; j < p.value.cols(); ++j) {
                const auto loss = [&] { return double{project(probe, function, seed).value().data[0]}; };
                keep_worst(worst, p, i, j, row ? double{row[j]} : 0, central_difference(p.value(i, j), step, loss));
            }
        }
    }
    return worst;
}

}  // namespace kvmem
