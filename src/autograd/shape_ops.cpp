// Matrices put together and taken apart.
#include "autograd/operation.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>

namespace kvmem {

namespace {
struct TakeRows {
    Var x;
    std::span<const Index> rows;

    void backward(Tape&, Var out) const {
        const View grad = x.grad(), grad_out = out.grad();
        for (Index i = 0; i < std::ssize(rows); ++i)
            accumulate(grad.middle_rows(rows[i], 1), 1, grad_out.middle_rows(i, 1));
    }
};

struct ConcatRows {
    std::span<const Var> parts;

    void backward(Tape&, Var out) const {
        Index first = 0;
        for (const Var part : parts) {
            if (part.needs_grad()) accumulate(part.grad(), 1, out.grad().middle_rows(first, part.rows()));
            first += part.rows();
        }
    }
};

struct ConcatCols {
    std::span<const Var> parts;

    void backward(Tape&, Var out) const {
        const View grad_out = out.grad();
        Index first = 0;
        for (const Var part : parts) {
            if (part.needs_grad()) add_columns(grad_out, first, part.grad());
            first += part.cols();
        }
    }

  private:
    static void add_columns(ConstView grad_out, Index first, View grad) {
        for (Index i = 0; i < grad.rows; ++i)
            accumulate(grad.middle_rows(i, 1), 1, {grad_out.row(i) + first, 1, grad.cols});
    }
};

struct SliceCols {
    Var x;
    Index first;

    void backward(Tape&, Var out) const {
        const View grad = x.grad(), grad_out = out.grad();
        for (Index i = 0; i < grad.rows; ++i)
            accumulate({grad.row(i) + first, 1, grad_out.cols}, 1, grad_out.middle_rows(i, 1));
    }
};

struct Reshape {
    Var x;

    void backward(Tape&, Var out) const { accumulate(x.grad(), 1, out.grad()); }
};
}  // namespace

Var take_rows(Var x, std::span<const Index> rows) {
    Tape& tape = Tape::of("take_rows", {x});
    const bool fit = std::ranges::all_of(rows, [&](Index r) { return r >= 0 && r < x.rows(); });
    require_shape(fit, "take_rows", "rows of the matrix");
    const Var out = tape.record(std::ssize(rows), x.cols(), x.needs_grad(), TakeRows{x, tape.arena().copy(rows)});
    for (Index i = 0; i < std::ssize(rows); ++i)
        std::copy_n(x.value().row(rows[i]), x.cols(), out.mutable_value().row(i));
    return out;
}

Var slice_rows(Var x, Index first, Index count) {
    Tape& tape = Tape::of("slice_rows", {x});
    require_shape(first >= 0 && count >= 0 && first <= x.rows() - count, "slice_rows", "rows of the matrix");
    Tape::Node node = tape.nodes_[x.node];  // the same numbers, so a node without a backward function of its own
    node.value = node.value.middle_rows(first, count);
    if (node.output) node.output += first * node.value.cols;
    if (node.grad.data) node.grad = node.grad.middle_rows(first, count);
    node.backward = nullptr;
    node.low_rank = nullptr;
    return tape.add_node(node);
}

Var slice_cols(Var x, Index first, Index count) {
    Tape& tape = Tape::of("slice_cols", {x});
    require_shape(first >= 0 && count >= 0 && first <= x.cols() - count, "slice_cols", "columns of the matrix");
    const Var out = tape.record(x.rows(), count, x.needs_grad(), SliceCols{x, first});
    for (Index i = 0; i < x.rows(); ++i) std::copy_n(x.value().row(i) + first, count, out.mutable_value().row(i));
    return out;
}

// The tape that all parts are on. Throws Error when there is none, or when fits(part) is false of one.
template <class Fits>
static Tape& tape_of(const char* where, std::span<const Var> parts, Fits fits, const char* expected) {
    require_shape(!parts.empty(), where, "at least one matrix");
    for (const Var part : parts) {
        Tape::of(where, {parts[0], part});
        require_shape(fits(part), where, expected);
    }
    return *parts[0].tape;
}

static bool any_part_needs_grad(std::span<const Var> parts) {
    return std::ranges::any_of(parts, [](Var part) { return part.needs_grad(); });
}

Var concat_rows(std::span<const Var> parts) {
    Tape& tape = tape_of(
        "concat_rows", parts, [&](Var part) { return part.cols() == parts[0].cols(); }, "matrices of one width");
    Index rows = 0;
    for (const Var part : parts) rows += part.rows();
    const Var out =
        tape.record(rows, parts[0].cols(), any_part_needs_grad(parts), ConcatRows{tape.arena().copy(parts)});
    Real* to = out.mutable_value().data;
    for (const Var part : parts) to = std::copy_n(part.value().data, part.value().size(), to);
    return out;
}

Var concat_cols(std::span<const Var> parts) {
    Tape& tape = tape_of(
        "concat_cols", parts, [&](Var part) { return part.rows() == parts[0].rows(); }, "matrices of one height");
    Index cols = 0;
    for (const Var part : parts) cols += part.cols();
    const Var out =
        tape.record(parts[0].rows(), cols, any_part_needs_grad(parts), ConcatCols{tape.arena().copy(parts)});
    Real* to = out.mutable_value().data;
    for (Index i = 0; i < out.rows(); ++i)
        for (const Var part : parts) to = std::copy_n(part.value().row(i), part.cols(), to);
    return out;
}

Var reshape(Var x, Index rows, Index cols) {
    Tape& tape = Tape::of("reshape", {x});
    const Index size = x.value().size();
    require_shape(rows >= 0 && cols >= 0 && (cols == 0 ? size == 0 : size % cols == 0 && rows == size / cols),
                  "reshape", "a shape of as many numbers");
    const Var out = tape.record(rows, cols, x.needs_grad(), Reshape{x});
    std::copy_n(x.value().data, size, out.mutable_value().data);
    return out;
}

}  // namespace kvmem
