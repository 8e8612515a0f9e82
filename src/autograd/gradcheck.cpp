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
    return sum(multiply(out, tape.constant(weights)));
}

namespace {
struct Restore {
    Real& x;
    Real before;
    ~Restore() { x = before; }
};
}  // namespace

GradcheckResult gradcheck(const std::function<Var(Tape&)>& function, Parameters& parameters, double step,
                          std::uint64_t seed) {
    Tape tape, probe;
    tape.backward(project(tape, function, seed));
    GradcheckResult worst;
    for (Parameter& p : parameters)
        for (Index i = 0; i < p.value.rows(); ++i)
            for (Index j = 0; j < p.value.cols(); ++j) {
                Real& x = p.value(i, j);
                const Real before = x;
                const auto at = [&](double offset) {
                    const Restore restore{x, before};
                    x = static_cast<Real>(before + offset);
                    return double{project(probe, function, seed).value().data[0]};
                };
                const double numeric = (at(step) - at(-step)) / (2 * step);
                const SparseRows* rows = tape.find_gradient(p);
                const Real* row = rows ? rows->find(i) : nullptr;
                const double analytic = row ? double{row[j]} : 0.0;
                const double error =
                    std::abs(analytic - numeric) / std::max({1.0, std::abs(analytic), std::abs(numeric)});
                // A NaN is the worst, and stays.
                if (!(error <= worst.error) && !std::isnan(worst.error)) {
                    worst.error = error;
                    worst.where = p.name + "[" + std::to_string(i) + ", " + std::to_string(j) + "]: analytic " +
                                  std::to_string(analytic) + ", numeric " + std::to_string(numeric);
                }
            }
    return worst;
}

}  // namespace kvmem
