#include "autograd/accumulate.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>

namespace kvmem {

namespace {
struct Taken {
    Var x;
    std::span<const Index> rows;
};
struct Joined {
    std::span<const Var> parts;
};
struct Reshaped {
    Var x;
};
}  // namespace

Var take_rows(Var x, std::span<const Index> rows) {
    Tape& tape = Tape::of("take_rows", {x});
    const bool fit = std::all_of(rows.begin(), rows.end(), [&](Index r) { return r >= 0 && r < x.rows(); });
    require_shape(fit, "take_rows", "rows of the matrix");
    const Var out = tape.record(
        static_cast<Index>(rows.size()), x.cols(), x.needs_grad(),
        [](Tape&, Var o, const void* payload) {
            const auto& p = *static_cast<const Taken*>(payload);
            const View grad = p.x.grad(), given = o.grad();
            for (std::size_t i = 0; i < p.rows.size(); ++i)
                accumulate(grad.middle_rows(p.rows[i], 1), 1, given.middle_rows(static_cast<Index>(i), 1));
        },
        Taken{x, tape.arena().copy(rows)});
    for (std::size_t i = 0; i < rows.size(); ++i)
        std::copy_n(x.value().row(rows[i]), x.cols(), out.value().row(static_cast<Index>(i)));
    return out;
}

Var concat_rows(std::span<const Var> parts) {
    require_shape(!parts.empty(), "concat_rows", "at least one matrix");
    Tape& tape = Tape::of("concat_rows", {parts[0]});
    const Index cols = parts[0].cols();
    Index rows = 0;
    bool needs_grad = false;
    for (const Var part : parts) {
        Tape::of("concat_rows", {parts[0], part});
        require_shape(part.cols() == cols, "concat_rows", "matrices of one width");
        rows += part.rows();
        needs_grad |= part.needs_grad();
    }
    const Var out = tape.record(
        rows, cols, needs_grad,
        [](Tape&, Var o, const void* payload) {
            Index first = 0;
            for (const Var part : static_cast<const Joined*>(payload)->parts) {
                if (part.needs_grad()) accumulate(part.grad(), 1, o.grad().middle_rows(first, part.rows()));
                first += part.rows();
            }
        },
        Joined{tape.arena().copy(parts)});
    Index first = 0;
    for (const Var part : parts) {
        std::copy_n(part.value().data, part.value().size(), out.value().row(first));
        first += part.rows();
    }
    return out;
}

Var reshape(Var x, Index rows, Index cols) {
    Tape& tape = Tape::of("reshape", {x});
    const Index size = x.value().size();
    require_shape(rows >= 0 && cols >= 0 && (cols == 0 ? size == 0 : size % cols == 0 && rows == size / cols),
                  "reshape", "a shape of as many numbers");
    const Var out = tape.record(
        rows, cols, x.needs_grad(),
        [](Tape&, Var o, const void* payload) {
            accumulate(static_cast<const Reshaped*>(payload)->x.grad(), 1, o.grad());
        },
        Reshaped{x});
    std::copy_n(x.value().data, size, out.value().data);
    return out;
}

}  // namespace kvmem
