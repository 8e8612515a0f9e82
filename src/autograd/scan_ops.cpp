#include "autograd/operation.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>

namespace kvmem {

namespace {
struct GatedScan {
    Var z, c;
    std::span<const Index> offsets;
    Direction direction;

    void backward(Tape& tape, Var out) const {
        const ArenaScope scope(tape.arena());  // gives the scratch back
        gated_scan_backward(z.value(), c.value(), out.value(), offsets, direction, out.grad(),
                            z.needs_grad() ? z.grad() : View{}, c.needs_grad() ? c.grad() : View{},
                            tape.arena().take<Real>(z.cols()));
    }
};
}  // namespace

Var gated_scan(Var z, Var c, std::span<const Index> offsets, Direction direction) {
    Tape& tape = Tape::of("gated_scan", {z, c});
    require_shape(z.rows() == c.rows() && z.cols() == c.cols() && !offsets.empty() && offsets.front() == 0 &&
                      offsets.back() == z.rows() && std::ranges::is_sorted(offsets),
                  "gated_scan", "z and c of one shape, and offsets from 0 to their rows that do not fall");
    const Var out =
        tape.record(z.rows(), z.cols(), any_needs_grad({z, c}), GatedScan{z, c, tape.arena().copy(offsets), direction});
    gated_scan(z.value(), c.value(), offsets, direction, out.mutable_value());
    return out;
}

}  // namespace kvmem
