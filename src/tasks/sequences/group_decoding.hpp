// Lines that are decoded together, in groups on all threads. Not installed.
#pragma once

#include "kvmem/core/error.hpp"
#include "kvmem/core/float_control.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/sequences/decoder.hpp"
#include "kvmem/text/units.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// Numbers of lines, the longest first: lines that run together then end at about the same time.
inline std::vector<Index> by_length(RaggedView<Token> lines) {
    std::vector<Index> order(static_cast<std::size_t>(lines.size()));
    std::iota(order.begin(), order.end(), Index{0});
    std::ranges::stable_sort(order, std::greater(), [&](Index line) { return lines[line].size(); });
    return order;
}

// Calls run(lines) for groups of up to `batch` lines on all threads.
template <class Run>
void for_groups(std::span<const Index> lines, Index batch, Run run) {
    const Index threads = thread_count(), count = std::ssize(lines);
    batch = std::max<Index>(1, std::min(batch, (count + threads - 1) / threads));
    parallel_for((count + batch - 1) / batch, 1, [&](Index first, Index last) {
        const FlushSubnormals flush;
        for (Index group = first; group < last; ++group)
            run(lines.subspan(static_cast<std::size_t>(group * batch),
                              static_cast<std::size_t>(std::min(batch, count - group * batch))));
    });
}

// The decoding of some lines, with room for what its steps give.
class GroupDecoding {
  public:
    GroupDecoding(const SequenceModel& model, RaggedView<Token> sources, std::span<const Index> lines) {
        for (const Index line : lines) sources_.push_row(sources[line]);
        decoding_ = model.begin(sources_);
    }
    const Decoding& decoding() const { return *decoding_; }
    Index vocabulary() const { return decoding_->vocabulary(); }

    View step(std::span<const Token> tokens) {
        const Index rows = std::ssize(tokens);
        if (log_probabilities_.rows() < rows) log_probabilities_ = Matrix(rows, vocabulary());
        const View given = log_probabilities_.view().middle_rows(0, rows);
        decoding_->step(tokens, given);
        return given;
    }
    // Hypotheses become what others, of `before`, were.
    void reorder(std::span<const Index> rows, Index before) {
        bool same = std::ssize(rows) == before;
        for (Index i = 0; same && i < before; ++i) same = rows[i] == i;
        if (!same && !rows.empty()) decoding_->reorder(rows);
    }

  private:
    Ragged<Token> sources_;
    std::unique_ptr<Decoding> decoding_;
    Matrix log_probabilities_;
};

inline void require_tokens(RaggedView<Token> lines, Index line, Index vocabulary, const char* what) {
    for (const Token token : lines[line])
        if (token < 0 || token >= vocabulary || token == begin_token || token == end_token)
            throw Error(
                {.what = std::string("bad token in ") + what,
                 .expected = "a token from 0 to " + std::to_string(vocabulary - 1) + " but begin_token and end_token",
                 .got = std::to_string(token),
                 .where = "line " + std::to_string(line)});
}

inline void require_lines(RaggedView<Token> sources, RaggedView<Token> others, const char* where) {
    require_shape(sources.valid() && others.valid() && sources.size() == others.size(), where,
                  "sources, and as many targets or prefixes, with rising offsets");
}

}  // namespace kvmem
