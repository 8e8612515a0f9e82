#include "kernels/recurrent/plan.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <numeric>

namespace kvmem {

Index gate_count(Cell cell) {
    switch (cell) {
        case Cell::rnn:
            return 1;
        case Cell::lstm:
            return 4;
        case Cell::min_gru:
            return 2;
        default:
            return 3;
    }
}

static bool absent_or(ConstView x, bool allowed, Index rows, Index cols) {
    return x.empty() || (allowed && x.rows == rows && x.cols == cols);
}

RecurrentShape recurrent_shape(const RecurrentCall& call, Index rows, Index gate_columns) {
    const auto require = [&](bool holds, const char* expected) { require_shape(holds, "recurrent", expected); };
    const std::span<const Index> offsets = call.offsets;
    require(!offsets.empty() && offsets.front() == 0 && offsets.back() == rows && std::ranges::is_sorted(offsets),
            "offsets from 0 to the rows that do not fall");
    const Index count = gate_count(call.cell), d = gate_columns / count, n = std::ssize(offsets) - 1;
    const RecurrentMatrices<ConstView>& m = call.weights;
    const bool lstm = call.cell == Cell::lstm, minimal = is_minimal(call.cell);
    const Index w = m.projection.empty() ? d : m.projection.rows;
    require(gate_columns == count * d && d > 0, "a number for each gate of each unit");
    require(minimal ? m.recurrent.empty() : m.recurrent.rows == count * d && m.recurrent.cols == w,
            "recurrent weights [gates * width, width of h], of minimal cells none");
    require(absent_or(m.reset_bias, call.cell == Cell::gru, 1, d),
            "a reset bias [1, width] of a GRU that resets after");
    require(absent_or(m.peepholes, lstm, 3, d), "peepholes [3, width] of an LSTM");
    require(absent_or(m.projection, lstm, w, d), "a projection [width of h, width] of an LSTM");
    require(absent_or(m.gate_gain, lstm, 1, count * d) && absent_or(m.cell_gain, lstm, 1, d) &&
                absent_or(m.cell_bias, lstm, 1, d) && m.gate_gain.empty() == m.cell_gain.empty() &&
                m.gate_gain.empty() == m.cell_bias.empty(),
            "three vectors of the layer normalisation of an LSTM, or none");
    require(absent_or(call.h, true, n, w) && absent_or(call.c, lstm, n, d), "initial states of each sequence, or none");
    require(absent_or(call.mask, !minimal, n, w), "a mask of h of each sequence, or none");
    return {rows, n, d, w, count};
}

RecurrentSaved recurrent_room(const RecurrentCall& call, Index width, bool training, Arena& arena) {
    const Index rows = call.offsets.empty() ? 0 : call.offsets.back(), gates = gate_count(call.cell);
    RecurrentSaved saved{arena.matrix(rows, gates * width)};
    if (!training) return saved;
    if (call.cell == Cell::lstm || call.cell == Cell::gru) saved.cells = arena.matrix(rows, width);
    if (call.weights.projection.data) saved.hidden = arena.matrix(rows, width);
    if (call.weights.gate_gain.data) {
        saved.sums = arena.matrix(rows, gates * width);
        saved.scales = arena.matrix(rows, 4);
    }
    return saved;
}

namespace detail {

RecurrentOrder::RecurrentOrder(const RecurrentCall& call, Arena& arena)
    : offsets_(call.offsets),
      sequences_(arena.take<Index>(std::ssize(call.offsets) - 1)),
      forwards_(call.direction == Direction::forwards) {
    std::iota(sequences_.begin(), sequences_.end(), Index{0});
    const auto length_of = [&](Index i) { return offsets_[i + 1] - offsets_[i]; };
    if (!std::ranges::is_sorted(sequences_, std::greater(), length_of))
        std::ranges::stable_sort(sequences_, std::greater(), length_of);
}

Index RecurrentOrder::end_active(Index first, Index end, Index t) const {
    while (end > first && length(end - 1) <= t) --end;
    return end;
}

std::vector<Index> RecurrentOrder::parts(Index work) const {
    constexpr Index task_work = Index{1} << 20, least_rows = 4;
    const Index rows = offsets_.back(), sequences = std::ssize(sequences_);
    const Index count =
        std::max<Index>(1, std::min({Index{thread_count()}, rows * work / task_work, sequences / least_rows}));
    std::vector<Index> begins{0};
    Index taken = 0;
    for (Index i = 0; i < sequences; ++i) {
        if (taken * count >= rows * std::ssize(begins) && std::ssize(begins) < count) begins.push_back(i);
        taken += length(i);
    }
    begins.push_back(sequences);
    return begins;
}

static Product product_of(Index rows, const Packed& b, ConstView a, View c) {
    return {.rows = rows,
            .cols = b.cols,
            .depth = b.depth,
            .a = a.data,
            .a_row = b.depth,
            .a_step = 1,
            .b = b.data,
            .b_row = 0,
            .c = c.data,
            .c_row = b.cols};
}

Packed pack(ConstView b, bool transposed, Arena& arena) {
    constexpr Index widest_panel = 64;
    const Packed packed{nullptr, transposed ? b.cols : b.rows, transposed ? b.rows : b.cols};
    Real* const to = arena.take<Real>((packed.cols + widest_panel) * packed.depth).data();
    Product p = product_of(0, packed, {}, {});
    p.b = b.data;
    p.b_row = transposed ? 1 : b.cols;
    simd().pack_panels(p, transposed ? b.cols : 1, to);
    return {to, packed.depth, packed.cols};
}

void product(ConstView a, const Packed& b, View c, bool add) {
    simd().packed_product(add, product_of(a.rows, b, a, c));
}

}  // namespace detail
}  // namespace kvmem
