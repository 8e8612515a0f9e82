#include "kernels/recurrent/plan.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <memory>
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
    return !x.data || (allowed && x.rows == rows && x.cols == cols);
}

RecurrentShape recurrent_shape(const RecurrentCall& call) {
    const auto require = [&](bool holds, const char* expected) { require_shape(holds, "recurrent", expected); };
    const std::span<const Index> offsets = call.offsets;
    const RecurrentMatrices<ConstView>& m = call.weights;
    const Index rows = call.x.rows, gate_columns = m.input.data ? m.input.rows : call.x.cols;
    require(!offsets.empty() && offsets.front() == 0 && offsets.back() == rows && std::ranges::is_sorted(offsets),
            "offsets from 0 to the rows that do not fall");
    const Index count = gate_count(call.cell), d = gate_columns / count, n = std::ssize(offsets) - 1;
    const bool lstm = call.cell == Cell::lstm, minimal = is_minimal(call.cell);
    const Index w = !m.projection.data ? d : m.projection.rows;
    require(gate_columns == count * d && d > 0, "a number for each gate of each unit");
    require(minimal ? !m.recurrent.data : m.recurrent.rows == count * d && m.recurrent.cols == w,
            "recurrent weights [gates * width, width of h], of minimal cells none");
    require(!m.input.data || m.input.cols == call.x.cols, "x [n, in] and input weights [gates * width, in]");
    require(absent_or(m.bias, true, 1, gate_columns), "a bias for each gate of each unit, or none");
    require(absent_or(m.reset_bias, call.cell == Cell::gru, 1, d),
            "a reset bias [1, width] of a GRU that resets after");
    require(absent_or(m.peepholes, lstm, 3, d), "peepholes [3, width] of an LSTM");
    require(absent_or(m.projection, lstm, w, d), "a projection [width of h, width] of an LSTM");
    require(absent_or(m.gate_gain, lstm, 1, count * d) && absent_or(m.cell_gain, lstm, 1, d) &&
                absent_or(m.cell_bias, lstm, 1, d) && !m.gate_gain.data == !m.cell_gain.data &&
                !m.gate_gain.data == !m.cell_bias.data,
            "three vectors of the layer normalisation of an LSTM, or none");
    require(absent_or(call.h, true, n, w) && absent_or(call.c, lstm, n, d), "initial states of each sequence, or none");
    require(absent_or(call.mask, !minimal, n, w), "a mask of h of each sequence, or none");
    return {rows, n, d, w, count};
}

RecurrentSaved recurrent_room(const RecurrentCall& call, bool training, Arena& arena) {
    const RecurrentShape shape = recurrent_shape(call);
    RecurrentSaved saved{arena.matrix(shape.rows, shape.gates * shape.width)};
    if (!training) return saved;
    if (call.cell == Cell::lstm || call.cell == Cell::gru) saved.cells = arena.matrix(shape.rows, shape.width);
    if (call.weights.projection.data) saved.hidden = arena.matrix(shape.rows, shape.width);
    if (call.weights.gate_gain.data) {
        saved.sums = arena.matrix(shape.rows, shape.gates * shape.width);
        saved.scales = arena.matrix(shape.rows, 4);
    }
    return saved;
}

static const Real* pack_gates(ConstView u, Index width, Arena& arena) {
    constexpr Index widest_vector = 16;
    const Index gates = u.rows / width;
    Real* const to = arena.take<Real>((width + widest_vector) * gates * u.cols).data();
    detail::simd().recurrent_pack(u.data, gates, width, u.cols, to);
    return to;
}

const RecurrentPacked* pack_recurrent(const RecurrentCall& call, bool training, Arena& arena) {
    const Index width = recurrent_shape(call).width;
    const RecurrentMatrices<ConstView>& m = call.weights;
    if (const RecurrentPacked* p = call.packed; p && p->input_weight == m.input.data &&
                                                p->recurrent_weight == m.recurrent.data &&
                                                p->projection_weight == m.projection.data && p->training >= training)
        return p;
    const ConstView u = m.recurrent;
    const bool reset_before = call.cell == Cell::gru_reset_before;
    const ConstView first = reset_before ? u.middle_rows(0, 2 * width) : u;
    const ConstView rest = reset_before ? u.middle_rows(2 * width, width) : ConstView{};
    const auto pack = [&](ConstView b, bool transposed) {
        return b.data ? detail::pack(b, transposed, arena) : detail::Packed{};
    };
    RecurrentPacked p;
    p.input_weight = m.input.data;
    p.recurrent_weight = m.recurrent.data;
    p.projection_weight = m.projection.data;
    p.training = training;
    p.input = pack(m.input, true);
    p.projection = pack(m.projection, true);
    if (m.gate_gain.data)
        p.recurrent = pack(u, true);
    else if (u.data)
        p.gates = pack_gates(first, width, arena);
    if (rest.data) p.candidate = pack_gates(rest, width, arena);
    if (training) {
        p.input_back = pack(m.input, false);
        p.recurrent_back = pack(first, false);
        p.candidate_back = pack(rest, false);
        p.projection_back = pack(m.projection, false);
    }
    return std::construct_at(arena.take<RecurrentPacked>(1).data(), p);
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
    constexpr Index task_work = Index{1} << 20, few = 4, two_tiles = 12;  // sequences of a part
    const Index rows = offsets_.back(), sequences = std::ssize(sequences_), threads = thread_count();
    // A part for each thread, or several that are large enough, so that a thread that is late is made up for.
    const Index wanted = std::max(std::min(threads, sequences / few), std::min(4 * threads, sequences / two_tiles));
    const Index count = threads == 1 ? 1 : std::max<Index>(1, std::min(wanted, rows * work / task_work));
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

void parallel_product(ConstView a, const Packed& b, View c, bool add) {
    constexpr Index block = 48;  // rows of a that stay in the second-level cache, beside a panel of b
    const Index task = Index{1} << 21, work = std::max<Index>(1, block * b.depth * b.cols);
    kvmem::parallel_for((a.rows + block - 1) / block, (task + work - 1) / work, [&](Index first, Index last) {
        for (Index i = first * block; i < std::min(a.rows, last * block); i += block) {
            const Index rows = std::min(block, a.rows - i);
            product(a.middle_rows(i, rows), b, c.middle_rows(i, rows), add);
        }
    });
}

}  // namespace detail
}  // namespace kvmem
