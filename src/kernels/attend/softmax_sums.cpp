// The log-sum-exp of each query as the backward pass of tiles uses it.
#include "kernels/attend/call.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace kvmem::detail {

static constexpr Real infinity = std::numeric_limits<Real>::infinity();

namespace {

// Queries of one head of a segment whose log-sum-exp is recomputed.
struct QueryBlock {
    Index segment, head, first, end;
};

}  // namespace

// Holds in natural units as in those of tiles. A sum of -inf is that of a fully masked query.
static bool is_large(Real sum) { return std::abs(sum) > large_sum && sum != -infinity; }

static std::vector<QueryBlock> blocks_with_large_sums(const AttendCall& call, ConstView log_sum_exp) {
    std::vector<QueryBlock> blocks;
    for (Index i = 0; i < call.segments.size(); ++i)
        for (Index h = 0; h < call.heads; ++h)
            for (Index q = 0; q < call.queries(i); q += query_block) {
                const Index end = std::min(q + query_block, call.queries(i)), row = call.first_query(i);
                bool any = false;
                for (Index at = row + q; at < row + end; ++at) any |= is_large(log_sum_exp(at, h));
                if (any) blocks.push_back({i, h, q, end});
            }
    return blocks;
}

// The largest score and the sum of weights relative to it, from the same bits of scores that the backward pass makes.
static void recompute(const AttendCall& call, const QueryBlock& block, const SoftmaxSums& sums, Real* scratch) {
    Head head = call.head(block.segment, block.head);
    head.value = nullptr;
    head.value_width = head.value_row = 0;
    const Index row = call.first_query(block.segment);
    Real *large = sums.large.row(block.head) + row, *rest = sums.rest.row(block.head) + row;
    simd().attend_tiles(head, {block.first, block.end, 0, head.slots}, {nullptr, 0, large, 1, nullptr, rest}, {},
                        scratch);
    for (Index q = block.first; q < block.end; ++q) {
        if (rest[q] == 0) large[q] = infinity;
        rest[q] = rest[q] == 0 ? Real{0} : std::log2(rest[q]);
    }
}

SoftmaxSums softmax_sums(const AttendCall& call, ConstView log_sum_exp, Arena& scratch) {
    const SoftmaxSums sums{scratch.matrix(log_sum_exp.cols, log_sum_exp.rows),
                           scratch.matrix(log_sum_exp.cols, log_sum_exp.rows)};
    for (Index h = 0; h < log_sum_exp.cols; ++h)
        for (Index row = 0; row < log_sum_exp.rows; ++row) {
            const Real sum = log_sum_exp(row, h);
            sums.large(h, row) = sum == -infinity ? infinity : to_power(sum);
            sums.rest(h, row) = 0;
        }
    const std::vector<QueryBlock> blocks = blocks_with_large_sums(call, log_sum_exp);
    const Index count = std::ssize(blocks);
    if (count == 0) return sums;
    const WorkerScratch workers(scratch, attend_scratch(query_block, call.key_width, 0));
    kvmem::parallel_for(count, 1, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) recompute(call, blocks[i], sums, workers.mine());
    });
    return sums;
}

}  // namespace kvmem::detail
