// What the algorithms of attend() share: one call seen head by head, and scratch for each worker. Not installed.
#pragma once

#include "kernels/simd/table.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/attend.hpp"

#include <algorithm>

namespace kvmem::detail {

// The work that is worth a task of its own, in multiplications: some ten microseconds of products in tiles, or row by
// row, which wait for the memory.
inline constexpr Index tile_work = Index{1} << 19, row_work = Index{1} << 17;

// The log-sum-exp of each head and query [H, B] as tiles use it: to base 2, as the sum of two parts.
struct SoftmaxSums {
    View large;  // +inf for a fully masked query
    View rest;   // what a float has no room for beside a large score, or 0
};

// One call of attend(). It gives each head of each segment as a detail::Head whose first query and slot are row 0.
class AttendCall {
  public:
    // Views its arguments and takes offsets from `scratch`: all of them must outlive it.
    AttendCall(const AttendInput& in, const Segments& segments, const AttendOptions& options, Arena& scratch);

    const AttendInput& in;
    const Segments& segments;
    const AttendOptions& options;
    Index heads, key_width, value_width;
    // Replace in.key and in.value, whose shapes they have.
    const Bfloat16* bf16_key = nullptr;
    const Bfloat16* bf16_value = nullptr;

    Index group(Index head) const { return head / (heads / options.memory_heads()); }
    Index first_query(Index segment) const { return segments.query_offsets[segment]; }
    Index first_slot(Index segment) const { return segments.slot_offsets[segment]; }
    Index queries(Index segment) const { return first_query(segment + 1) - first_query(segment); }
    Index slots(Index segment) const { return first_slot(segment + 1) - first_slot(segment); }
    // Where the attention weights of a query and head begin.
    Index weights_at(Index segment, Index query, Index head) const {
        return heads * pairs_before_[segment] + (query * heads + head) * slots(segment);
    }
    // The saved scores of a head, block of queries after block of queries; null where they are not saved.
    [[nodiscard]] Real* scores(const AttendOutput& out, Index segment, Index head) const;
    Index work(Index segment) const { return queries(segment) * slots(segment) * (key_width + value_width) * heads; }
    Index total_work() const;

    Head head(Index segment, Index head) const;
    HeadOutput output(const AttendOutput& out, Index segment, Index head) const;
    HeadGradients gradients(const AttendOutput& out, const SoftmaxSums& sums, ConstView grad_output,
                            const AttendGradients& grads, Index segment, Index head) const;

  private:
    void view_operands(Head& at, Index segment, Index head) const;
    void view_biases(Head& at, Index segment, Index head) const;

    std::span<const Index> pairs_before_;   // pairs of query and slot in earlier segments
    std::span<const Index> scores_before_;  // saved scores of one head in earlier segments
};

// `count` numbers of scratch for each worker of a loop.
class WorkerScratch {
  public:
    WorkerScratch(Arena& arena, Index count)
        : stride_((count + 15) / 16 * 16), all_(arena.take<Real>(stride_ * worker_count())) {}
    Real* mine() const { return all_.data() + stride_ * worker_index(); }

  private:
    Index stride_;
    std::span<Real> all_;
};

// The grain of a loop of `count` iterations that share `work`, where a task is worth `task_work`.
inline Index task_grain(Index count, Index work, Index task_work) {
    return work <= task_work ? count : std::max<Index>(1, count * task_work / work);
}

// Whether all segments add to one gradient of distances, so that they must not run in parallel.
bool adds_by_distance(const AttendGradients& grads);
// Whether several heads add to one gradient of a bias, so that they must not run in parallel.
bool heads_share_bias(const AttendCall& call, const AttendGradients& grads);

// Merges two softmax outputs of `width` numbers and their log-sum-exp into the first.
void merge_output(Real* output, Real& log_sum_exp, const Real* other, Real other_log_sum_exp, Index width);

// From the log-sum-exp of the forward pass. Where a float is too coarse for it, it is recomputed.
SoftmaxSums softmax_sums(const AttendCall& call, ConstView log_sum_exp, Arena& scratch);

// The algorithms, for operands that similarity.hpp has reduced to dot products or left as they are.
void attend_by_blocks(const AttendCall& call, const AttendOutput& out, Arena& scratch);
void attend_by_blocks_backward(const AttendCall& call, const AttendOutput& out, ConstView grad_output,
                               const AttendGradients& grads, Arena& scratch);
// Writes the attention weights alone where out.log_sum_exp is empty.
void attend_by_rows(const AttendCall& call, const AttendOutput& out, Arena& scratch);

// From the gradient of the outputs, or from grad_weights where they are given. Empty weights are recomputed row by row.
void attend_by_rows_backward(const AttendCall& call, std::span<const Real> weights, ConstView grad_output,
                             std::span<const Real> grad_weights, const AttendGradients& grads, Arena& scratch);

}  // namespace kvmem::detail
