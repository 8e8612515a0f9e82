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
#include <utility>
#include <vector>

namespace kvmem {

// Numbers of lines, the longest first: lines that run together then end at about the same time.
inline std::vector<Index> by_length(RaggedView<Token> lines) {
    std::vector<Index> order(static_cast<std::size_t>(lines.size()));
    std::iota(order.begin(), order.end(), Index{0});
    std::ranges::stable_sort(order, std::greater(), [&](Index line) { return lines[line].size(); });
    return order;
}

// How many batches some lines make, and the lines of each: `max` or fewer, so that all threads have one.
inline std::pair<Index, Index> cut_in_batches(Index lines, Index max) {
    const Index threads = thread_count();
    const Index size = std::max<Index>(1, std::min(max, (lines + threads - 1) / threads));
    return {(lines + size - 1) / size, size};
}

// Calls run(lines) for groups of up to `batch` lines on all threads.
template <class Run>
void for_groups(std::span<const Index> lines, Index batch, Run run) {
    const auto [groups, size] = cut_in_batches(std::ssize(lines), batch);
    parallel_for(groups, 1, [&, size = size](Index first, Index last) {
        const FlushSubnormals flush;
        for (Index group = first; group < last; ++group)
            run(lines.subspan(static_cast<std::size_t>(group * size),
                              static_cast<std::size_t>(std::min(size, std::ssize(lines) - group * size))));
    });
}

// What a step gave: log probabilities, or scores whose log-softmax they are.
struct StepScores {
    View rows;
    bool are_log_probabilities;

    std::span<Real> row(std::size_t i) const { return rows.middle_rows(static_cast<Index>(i), 1).span(); }
};

// The decoding of some lines, with room for what its steps give.
class GroupDecoding {
  public:
    GroupDecoding(const SequenceModel& model, RaggedView<Token> sources, std::span<const Index> lines)
        : sources_(chosen(sources, lines)), decoding_(model.begin(sources_)) {}
    // Adds lines behind the others, if the decoding takes them.
    void add(RaggedView<Token> sources, std::span<const Index> lines) {
        const Ragged<Token> more = chosen(sources, lines);
        decoding_->add(more);
    }
    const Decoding& decoding() const { return *decoding_; }
    Index vocabulary() const { return decoding_->vocabulary(); }

    // Log probabilities of the next tokens.
    View step(std::span<const Token> tokens) {
        const View given = rows(std::ssize(tokens));
        decoding_->step(tokens, given);
        return given;
    }
    // The same, or scores that are not normalised, as Decoding::step_scores() gives them.
    StepScores step_scores(std::span<const Token> tokens) {
        const View given = rows(std::ssize(tokens));
        return {given, decoding_->step_scores(tokens, given)};
    }
    // Hypotheses become what others, of `before`, were.
    void reorder(std::span<const Index> rows, Index before) {
        bool same = std::ssize(rows) == before;
        for (Index i = 0; same && i < before; ++i) same = rows[i] == i;
        if (!same && !rows.empty()) decoding_->reorder(rows);
    }

  private:
    static Ragged<Token> chosen(RaggedView<Token> sources, std::span<const Index> lines) {
        Ragged<Token> rows;
        for (const Index line : lines) rows.push_row(sources[line]);
        return rows;
    }
    View rows(Index count) {
        if (scores_.rows() < count) scores_ = Matrix(count, vocabulary());
        return scores_.view().middle_rows(0, count);
    }

    Ragged<Token> sources_;  // of the first lines
    std::unique_ptr<Decoding> decoding_;
    Matrix scores_;
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
