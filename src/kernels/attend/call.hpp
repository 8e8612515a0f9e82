// What the ways of looking up share: a segment seen by a head, and scratch for each worker. Not installed.
#pragma once

#include "kernels/simd/table.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/attend.hpp"

#include <algorithm>

namespace kvmem::detail {

// Work, in multiplications, that is worth a task of its own (ten microseconds and more): of products in tiles, and of
// those row by row, which wait for the memory.
inline constexpr Index tile_work = Index{1} << 19, row_work = Index{1} << 17;

// The log-sum-exp of each head and query [H, B] as tiles use it: a power of 2, in two parts whose sum it is.
struct SoftmaxSums {
    View large;  // +inf where nothing was read
    View rest;   // what a float had no room for beside a large score, or 0
};

// All heads of all segments, each as a detail::Head whose first query and slot are row 0.
class AttendCall {
  public:
    // Throws Error unless everything fits. What it views must outlive it; offsets are taken from `scratch`.
    AttendCall(const AttendInput& in, const Segments& segments, const AttendOptions& options, Arena& scratch);

    const AttendInput& in;
    const Segments& segments;
    const AttendOptions& options;
    Index heads, key_width, value_width;
    // Instead of in.key and in.value, whose shapes they have.
    const Bfloat16* bf16_key = nullptr;
    const Bfloat16* bf16_value = nullptr;

    Index group(Index head) const { return head / (heads / options.memory_heads()); }
    Index first_query(Index segment) const { return segments.query_offsets[static_cast<std::size_t>(segment)]; }
    Index first_slot(Index segment) const { return segments.slot_offsets[static_cast<std::size_t>(segment)]; }
    Index queries(Index segment) const { return first_query(segment + 1) - first_query(segment); }
    Index slots(Index segment) const { return first_slot(segment + 1) - first_slot(segment); }
    // Where the weights of a query and head begin.
    Index weights_at(Index segment, Index query, Index head) const {
        return heads * pairs_before_[static_cast<std::size_t>(segment)] + (query * heads + head) * slots(segment);
    }
    // The scores of all queries of a head, a block of queries after the other; null where they are not kept.
    Real* scores(const AttendOutput& out, Index segment, Index head) const;
    Index work(Index segment) const { return queries(segment) * slots(segment) * (key_width + value_width) * heads; }
    Index total_work() const;

    Head head(Index segment, Index head) const;
    HeadOutput output(const AttendOutput& out, Index segment, Index head) const;
    HeadGradients gradients(const AttendOutput& out, const SoftmaxSums& sums, ConstView grad_output,
                            const AttendGradients& grads, Index segment, Index head) const;

  private:
    std::span<const Index> pairs_before_;   // pairs of query and slot in earlier segments
    std::span<const Index> scores_before_;  // the same with the queries of a segment rounded up as their scores are
};

// `count` numbers for each worker of a loop.
class WorkerScratch {
  public:
    WorkerScratch(Arena& arena, Index count)
        : stride_((count + 15) / 16 * 16), all_(arena.take<Real>(stride_ * worker_count())) {}
    Real* mine() const { return all_.data() + stride_ * worker_index(); }

  private:
    Index stride_;
    std::span<Real> all_;
};

// Iterations worth a task of their own, of `count` that share the work, when a task should have so much of it.
inline Index task_grain(Index count, Index work, Index task_work) {
    return work <= task_work ? count : std::max<Index>(1, count * task_work / work);
}

// Whether heads add to one gradient of a bias, and so must take turns.
bool heads_share_bias(const AttendCall& call, const AttendGradients& grads);

// The softmax read of `width` numbers and its log-sum-exp become those of both.
void merge_output(Real* read, Real& log_sum_exp, const Real* other_output, Real other_log_sum_exp, Index width);

// From what a read left. Where that is too coarse, scores are made once more.
SoftmaxSums softmax_sums(const AttendCall& call, ConstView log_sum_exp, Arena& scratch);

// The ways to look up, for operands that similarity.hpp has reduced to dot products or left as they are.
void attend_by_blocks(const AttendCall& call, const AttendOutput& out, Arena& scratch);
void attend_by_blocks_backward(const AttendCall& call, const AttendOutput& out, ConstView grad_output,
                               const AttendGradients& grads, Arena& scratch);
// Without out.log_sum_exp the weights alone.
void attend_by_rows(const AttendCall& call, const AttendOutput& out, Arena& scratch);

// From the gradient of the reads, or, without it, of the weights. Weights that are empty are made again row by row.
void attend_by_rows_backward(const AttendCall& call, std::span<const Real> weights, ConstView grad_output,
                             std::span<const Real> grad_weights, const AttendGradients& grads, Arena& scratch);

}  // namespace kvmem::detail
