// The sum that a log-softmax subtracts, over blocks of a row that stay in the first-level cache. Not installed.
#pragma once

#include "kvmem/core/types.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace kvmem::detail {

// The logarithm of the softmax of a score.
struct LogSoftmax {
    Real largest, log_total;  // of all scores
    bool is_masked;           // scores of -inf alone
    Real operator()(Real score) const { return is_masked ? score : score - largest - log_total; }
};

// log sum exp of a row, block after block. NaN and inf make it NaN.
class LogSum {
  public:
    static constexpr Index block = 2048;

    void add(std::span<const Real> scores);  // at most `block`
    LogSoftmax result() const { return {largest_, std::log(total_), total_ == 0}; }

  private:
    Real largest_ = -std::numeric_limits<Real>::infinity(), total_ = 0;
};

// Calls run(block, place of its first score).
template <class Run>
void for_blocks(std::span<const Real> scores, Run run) {
    constexpr auto size = static_cast<std::size_t>(LogSum::block);
    for (std::size_t first = 0; first < scores.size(); first += size)
        run(scores.subspan(first, std::min(size, scores.size() - first)), static_cast<Index>(first));
}

}  // namespace kvmem::detail
