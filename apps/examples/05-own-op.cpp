// An operation of your own with a gradient of its own, and the check that the gradient is right.
#include "kvmem/autograd/gradcheck.hpp"
#include "kvmem/core/error.hpp"

#include <cmath>
#include <cstdio>

using namespace kvmem;

static Real sigmoid(Real x) { return 1 / (1 + std::exp(-x)); }

// out = x * sigmoid(gate), number by number (gated linear units, Dauphin et al. 2017).
// Backward: dx = dout * s and dgate = dout * x * s (1 - s), with s = sigmoid(gate); `slip` leaves out the (1 - s).
struct Gated {  // what backward needs: plain data, copied to the tape
    Var x, gate;
    bool slip;

    void backward(Tape&, Var out) const {
        for (Index i = 0; i < out.value().size(); ++i) {
            const Real s = sigmoid(gate.value().data[i]), g = out.grad().data[i];
            if (x.needs_grad()) x.grad().data[i] += g * s;  // always +=: other operations may have added theirs
            if (gate.needs_grad()) gate.grad().data[i] += g * x.value().data[i] * s * (slip ? 1 : 1 - s);
        }
    }
};

static Var gated(Var x, Var gate, bool slip = false) {
    Tape& tape = Tape::of("gated", {x, gate});
    require_shape(x.rows() == gate.rows() && x.cols() == gate.cols(), "gated", "two matrices of one shape");
    const Var out = tape.record(x.rows(), x.cols(), x.needs_grad() || gate.needs_grad(), Gated{x, gate, slip});
    for (Index i = 0; i < out.value().size(); ++i)
        out.mutable_value().data[i] = x.value().data[i] * sigmoid(gate.value().data[i]);
    return out;
}

int main() {
    Parameters parameters;
    const Parameter& x = parameters.add_normal("x", 2, 3, 1, 1);
    const Parameter& gate = parameters.add_normal("gate", 2, 3, 1, 1);

    // Numeric gradients are good to three digits in float; linked against kvmem::core_double, to eight.
    const double tolerance = sizeof(Real) == 8 ? 1e-8 : 1e-3;
    bool caught[2];
    for (const bool slip : {false, true}) {
        const auto function = [&](Tape& tape) { return gated(tape.parameter(x), tape.parameter(gate), slip); };
        const GradcheckResult result = gradcheck(function, parameters);
        caught[slip] = result.error > tolerance;
        std::printf("%-28s error %.1e  %s\n",
                    slip ? "with (1 - s) forgotten:" : "the gradient as it should be:", result.error,
                    caught[slip] ? ("WRONG at " + result.where).c_str() : "right");
    }
    return !caught[0] && caught[1] ? 0 : 1;
}
