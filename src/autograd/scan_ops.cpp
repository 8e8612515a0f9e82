#include "kvmem/autograd/ops.hpp"

namespace kvmem {

namespace {
struct Scan {
    Var z, c;
    std::span<const Index> offsets;
    Direction direction;
};
}  // namespace

Var gated_scan(Var z, Var c, std::span<const Index> offsets, Direction direction) {
    Tape& tape = Tape::of("gated_scan", {z, c});
    const Var out = tape.record(
        z.rows(), z.cols(), z.needs_grad() || c.needs_grad(),
        [](Tape& t, Var o, const void* payload) {
            const auto& p = *static_cast<const Scan*>(payload);
            const ArenaScope scope(t.arena());
            gated_scan_backward(p.z.value(), p.c.value(), o.value(), p.offsets, p.direction, o.grad(),
                                p.z.needs_grad() ? p.z.grad() : View{}, p.c.needs_grad() ? p.c.grad() : View{},
                                t.arena().take<Real>(p.z.cols()));
        },
        Scan{z, c, tape.arena().copy(offsets), direction});
    gated_scan(z.value(), c.value(), offsets, direction, out.value());
    return out;
}

}  // namespace kvmem
