// What the forward and the backward pass of the delta rule share: heads, chunks and products of their blocks. Not
// installed.
#pragma once

#include "kernels/simd/table.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/delta_rule.hpp"

#include <algorithm>

namespace kvmem::detail {

// Rows of a chunk. More make larger products, and more of them.
inline constexpr Index chunk_rows = 32;
inline Index chunk_count(Index rows) { return (rows + chunk_rows - 1) / chunk_rows; }

// A matrix whose rows lie `row` numbers apart.
template <class T>
struct Block {
    T* data = nullptr;
    Index row = 0;

    T* operator[](Index i) const { return data + i * row; }
    operator Block<const T>() const { return {data, row}; }
};
using Rows = Block<Real>;
using ConstRows = Block<const Real>;

// c = a b or c += a b, for a [m, depth] and b [depth, n].
inline void multiply(bool add, Index m, Index n, Index depth, ConstRows a, ConstRows b, Rows c) {
    simd().product(add, {m, n, depth, a.data, a.row, 1, b.data, b.row, c.data, c.row});
}
// The same with a' for a [depth, m].
inline void multiply_transposed(bool add, Index m, Index n, Index depth, ConstRows a, ConstRows b, Rows c) {
    simd().product(add, {m, n, depth, a.data, 1, a.row, b.data, b.row, c.data, c.row});
}

// b' for b [n, depth] as multiply() takes it, packed once for several products.
class PackedTranspose {
  public:
    PackedTranspose(Index n, Index depth, ConstRows b, Real* room) : n_(n), depth_(depth), packed_(room) {
        simd().pack_panels({0, n, depth, nullptr, 0, 0, b.data, 1, nullptr, 0}, b.row, room);
    }
    static Index room(Index n, Index depth) { return (n + 63) * depth; }

    // c = a b' or c += a b' for a [m, depth].
    void multiply(bool add, Index m, ConstRows a, Rows c) const {
        simd().packed_product(add, {m, n_, depth_, a.data, a.row, 1, packed_, 0, c.data, c.row});
    }

  private:
    Index n_, depth_;
    Real* packed_;
};

// Rows of one head, D and E numbers wide.
struct DeltaRows {
    Index rows, key_width, value_width;
    ConstRows query, key, value, decay, strength;

    Real a(Index i) const { return *decay[i]; }
    Real b(Index i) const { return *strength[i]; }
};
// Gradients of such rows; null data are not computed.
struct DeltaGradients {
    Rows query, key, value, decay, strength;
};
// The columns of head h, of rows [first, first + count).
DeltaRows rows_of(const DeltaRuleCall& call, const DeltaRuleShape& shape, Index h, Index first, Index count);

// Columns [h * width, (h + 1) * width) of a matrix, from row `first` on.
template <class T>
Block<T> columns_of(BasicView<T> m, Index h, Index width, Index first) {
    return {m.data ? m.data + first * m.cols + h * width : nullptr, m.cols};
}

// What is left at row i of a chunk: (i, 0) of the memory before it, (i, j + 1) of what row j wrote, for j <= i.
// The products are running ones, so that decays of 0 need no care, and in double, because their errors add up over
// chunks.
struct Decays {
    Real values[chunk_rows][chunk_rows + 1];

    explicit Decays(const DeltaRows& chunk) {
        double left[chunk_rows + 1] = {1};
        for (Index i = 0; i < chunk.rows; ++i) {
            for (Index j = 0; j <= i; ++j) {
                left[j] *= double{chunk.a(i)};
                values[i][j] = static_cast<Real>(left[j]);
            }
            left[i + 1] = values[i][i + 1] = 1;
        }
    }
    Real of_memory(Index i) const { return values[i][0]; }
    Real of_row(Index i, Index j) const { return values[i][j + 1]; }
};

// Calls body(sequence, head, worker) for all of them, on several threads.
template <class Body>
void for_each_head(const DeltaRuleShape& s, Body body) {
    const Index count = s.sequences * s.heads;
    if (count == 0) return;
    const Index work = (s.rows + s.sequences) * s.key_width * s.value_width / s.sequences + 1;
    kvmem::parallel_for(count, std::max<Index>(1, (Index{1} << 17) / work), [&](Index first, Index end) {
        for (Index i = first; i < end; ++i) body(i / s.heads, i % s.heads, worker_index());
    });
}

// The number of the first chunk of each sequence.
std::span<const Index> first_chunks(const DeltaRuleCall& call, Arena& arena);

}  // namespace kvmem::detail
