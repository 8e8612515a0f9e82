// What operations and their backward functions share. Not installed.
#pragma once

#include "kvmem/autograd/tape.hpp"
#include "kvmem/core/ragged.hpp"

#include <initializer_list>
#include <optional>

namespace kvmem {

// into += factor * values, of one size
inline void accumulate(View into, Real factor, ConstView values) {
    for (Index i = 0; i < into.size(); ++i) into.data[i] += factor * values.data[i];
}

inline bool any_needs_grad(std::initializer_list<std::optional<Var>> inputs) {
    for (const std::optional<Var>& x : inputs)
        if (x && x->needs_grad()) return true;
    return false;
}

inline bool same_shape(Var x, Var y) { return x.rows() == y.rows() && x.cols() == y.cols(); }

// Rows of `cols` numbers that are worth a task of their own.
inline Index row_grain(Index cols) { return std::max<Index>(1, 16384 / std::max<Index>(cols, 1)); }

template <class T>
RaggedView<T> copy(Arena& arena, RaggedView<T> rows) {
    return {arena.copy(rows.values), arena.copy(rows.offsets)};
}

}  // namespace kvmem
