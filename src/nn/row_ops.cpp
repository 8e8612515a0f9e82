#include "nn/row_ops.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace kvmem {

Var ones(Tape& tape, Index rows, Index cols) {
    Matrix all(rows, cols);
    all.fill(1);
    return tape.constant(std::move(all));
}

Var row_dots(Var x, Var y) { return linear(x * y, ones(*x.tape, 1, x.cols())); }

Var times_rows(Var x, Var weights) { return x * linear(weights, ones(*x.tape, x.cols(), 1)); }

Var drop_rows(Var x, double rate) {
    if (rate == 0 || !x.tape->training()) return x;
    return times_rows(x, dropout(ones(*x.tape, x.rows(), 1), rate));
}

Var padded_segments(Var x, std::span<const Index> offsets) {
    Index longest = 0;
    for (std::size_t i = 1; i < offsets.size(); ++i) longest = std::max(longest, offsets[i] - offsets[i - 1]);
    Matrix hidden(std::ssize(offsets) - 1, longest);
    hidden.fill(-1e9f);
    const Index rows = hidden.rows();
    std::vector<Index> places;
    places.reserve(static_cast<std::size_t>(x.rows()));
    for (Index i = 0; i < rows; ++i) {
        const Index size = offsets[static_cast<std::size_t>(i + 1)] - offsets[static_cast<std::size_t>(i)];
        for (Index at = 0; at < size; ++at) {
            places.push_back(i * longest + at);
            hidden(i, at) = 0;
        }
    }
    return scatter_sum(x, places, rows, longest) + x.tape->constant(std::move(hidden));
}

}  // namespace kvmem
