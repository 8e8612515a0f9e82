// What forward and backward of a recurrent layer share. Not installed.
#pragma once

#include "kernels/simd/table.hpp"
#include "kvmem/kernels/recurrent.hpp"

#include <span>
#include <vector>

namespace kvmem::detail {

// The sequences by falling length, those of one length in their order: the active ones of each step come first.
class RecurrentOrder {
  public:
    RecurrentOrder(const RecurrentCall& call, Arena& arena);

    Index sequence(Index i) const { return sequences_[i]; }
    Index length(Index i) const { return offsets_[sequences_[i] + 1] - offsets_[sequences_[i]]; }
    // The row of step t.
    Index place(Index i, Index t) const {
        return forwards_ ? offsets_[sequences_[i]] + t : offsets_[sequences_[i] + 1] - 1 - t;
    }
    // The end of the sequences in [first, end) that have a step t.
    Index end_active(Index first, Index end, Index t) const;
    // Where the parts of the sequences that threads share begin, and the end of the last: of about equal rows. `work`
    // is that of a row, in multiplications. They depend on the number of threads, so results may not on them.
    std::vector<Index> parts(Index work) const;

  private:
    std::span<const Index> offsets_;
    std::span<Index> sequences_;
    bool forwards_;
};

// A matrix that is packed for packed_product(); data is null where there is none.
struct Packed {
    const Real* data = nullptr;
    Index depth = 0, cols = 0;
};
// b [depth, cols], or the transpose of b [cols, depth].
Packed pack(ConstView b, bool transposed, Arena& arena);
// c [rows, cols] = a b, or c += a b: on the calling thread, or on several.
void product(ConstView a, const Packed& b, View c, bool add);
void parallel_product(ConstView a, const Packed& b, View c, bool add);

}  // namespace kvmem::detail

namespace kvmem {

struct RecurrentPacked {
    // What it was made of.
    const Real *input_weight = nullptr, *recurrent_weight = nullptr, *projection_weight = nullptr;
    bool training = false;
    detail::Packed input, recurrent, projection;        // W, U for an LSTM with layer normalisation, P
    const Real *gates = nullptr, *candidate = nullptr;  // U for recurrent_step; U_n of the GRU that resets before
    detail::Packed input_back, recurrent_back, candidate_back, projection_back;
};

}  // namespace kvmem
