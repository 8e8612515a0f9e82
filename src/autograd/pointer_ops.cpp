#include "autograd/operation.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/kernels/pointer.hpp"

#include <numeric>

namespace kvmem {

namespace {
struct PointerLoss {
    Var scores, gates, weights;
    PointerGradients grads;  // of a loss whose own gradient is 1

    void backward(Tape&, Var out) const {
        const Real factor = out.grad().data[0];
        add(scores, factor, grads.scores);
        add(gates, factor, {grads.gates.data(), std::ssize(grads.gates), 1});
        add(weights, factor, {grads.weights.data(), std::ssize(grads.weights), 1});
    }

  private:
    static void add(Var x, Real factor, ConstView values) {
        if (x.needs_grad()) accumulate(x.grad(), factor, values);
    }
};
}  // namespace

Var pointer_loss(Var scores, Var gates, Var weights, RaggedView<Token> tokens, std::span<const Token> targets) {
    Tape& tape = Tape::of("pointer_loss", {scores, gates, weights});
    Arena& arena = tape.arena();
    const PointerLoss saved{scores,
                            gates,
                            weights,
                            {arena.matrix(scores.rows(), scores.cols()), arena.take<Real>(gates.value().size()),
                             arena.take<Real>(weights.value().size())}};
    const auto losses = arena.take<Real>(scores.rows());
    pointer_loss({scores.value(), gates.value().span(), weights.value().span(), tokens.values, tokens.offsets}, targets,
                 losses, saved.grads);
    const Var out = tape.record(1, 1, any_needs_grad({scores, gates, weights}), saved);
    out.mutable_value().data[0] = static_cast<Real>(std::accumulate(losses.begin(), losses.end(), 0.0));
    return out;
}

}  // namespace kvmem
