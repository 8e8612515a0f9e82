#include "kvmem/tasks/sequences/generate.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/float_control.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/text/units.hpp"
#include "tasks/sequences/line_search.hpp"

#include <algorithm>
#include <mutex>
#include <numeric>
#include <string>

namespace kvmem {

void GenerateOptions::check() const {
    require_option(sample || n_best <= beam, "n_best", "at most as many as the beam has, or samples");
    require_option(!sample || beam == 1, "beam", "1 for samples");
    require_option(min_length <= max_length, "min_length", "at most max_length");
}

// Numbers of lines, the longest first: lines that run together then end at about the same time.
static std::vector<Index> by_length(RaggedView<Token> lines) {
    std::vector<Index> order(static_cast<std::size_t>(lines.size()));
    std::iota(order.begin(), order.end(), Index{0});
    std::ranges::stable_sort(order, std::greater(), [&](Index line) { return lines[line].size(); });
    return order;
}

// Calls run(lines) for groups of up to `batch` lines on all threads.
template <class Run>
static void for_groups(std::span<const Index> lines, Index batch, Run run) {
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

static void require_tokens(RaggedView<Token> lines, Index line, Index vocabulary, const char* what) {
    for (const Token token : lines[line])
        if (token < 0 || token >= vocabulary || token == begin_token || token == end_token)
            throw Error(
                {.what = std::string("bad token in ") + what,
                 .expected = "a token from 0 to " + std::to_string(vocabulary - 1) + " but begin_token and end_token",
                 .got = std::to_string(token),
                 .where = "line " + std::to_string(line)});
}

static void require_lines(RaggedView<Token> sources, RaggedView<Token> others, const char* where) {
    require_shape(sources.valid() && others.valid() && sources.size() == others.size(), where,
                  "sources, and as many targets or prefixes, with rising offsets");
}

namespace {

// The searches of a group of lines, step by step.
class GroupSearch {
  public:
    GroupSearch(const SequenceModel& model, RaggedView<Token> sources, const GenerateOptions& options,
                const GenerateExtras& extras, std::span<const Index> lines, std::mutex& one_at_a_time)
        : group_(model, sources, lines), extras_(extras), lines_(lines), one_at_a_time_(one_at_a_time) {
        for (const Index line : lines) {
            const bool prefixed = extras.prefixes.size() > 0;
            if (prefixed) require_tokens(extras.prefixes, line, group_.vocabulary(), "a prefix");
            searches_.emplace_back(options, extras.weights, sources[line],
                                   prefixed ? extras.prefixes[line] : std::span<const Token>());
        }
    }
    // Returns whether a search goes on.
    bool step() {
        std::vector<Token> tokens;
        for (const LineSearch& search : searches_)
            tokens.insert(tokens.end(), search.tokens().begin(), search.tokens().end());
        if (tokens.empty()) return false;
        const View log_probabilities = group_.step(tokens);
        std::vector<Index> rows;
        for (Index i = 0, first = 0; i < std::ssize(searches_); ++i) {
            const Index count = std::ssize(searches_[i].tokens());
            if (count == 0) continue;
            const std::size_t before = rows.size();
            searches_[i].advance(group_.decoding(), log_probabilities, first, rows);
            first += count;
            if (!tell(searches_[i], lines_[i])) {
                searches_[i].cut();
                rows.resize(before);
            }
        }
        group_.reorder(rows, std::ssize(tokens));
        return true;
    }
    const LineSearch& search(std::size_t i) const { return searches_[i]; }

  private:
    // Returns whether the line may go on.
    bool tell(const LineSearch& search, Index line) const {
        if (!extras_.token || search.tokens().empty() || search.in_prefix()) return true;
        const std::lock_guard guard(one_at_a_time_);
        return extras_.token({line, search.tokens()[0], search.log_probability()});
    }

    GroupDecoding group_;
    const GenerateExtras& extras_;
    std::span<const Index> lines_;
    std::mutex& one_at_a_time_;
    std::vector<LineSearch> searches_;
};

}  // namespace

std::vector<std::vector<Generated>> generate(const SequenceModel& model, RaggedView<Token> sources,
                                             const GenerateOptions& options, const GenerateExtras& extras) {
    validated(options);
    if (extras.token)
        require_option(options.beam == 1 && options.n_best == 1, "beam", "1, and one result, to tell tokens at once");
    require_lines(sources, extras.prefixes.size() > 0 ? extras.prefixes : sources, "generate");
    std::vector<std::vector<Generated>> results(static_cast<std::size_t>(sources.size()));
    std::mutex one_at_a_time;
    Index done = 0;
    for_groups(by_length(sources), options.batch, [&](std::span<const Index> lines) {
        GroupSearch group(model, sources, options, extras, lines, one_at_a_time);
        while (group.step()) {
        }
        for (std::size_t i = 0; i < lines.size(); ++i) results[lines[i]] = group.search(i).results(extras.weights);
        const std::lock_guard guard(one_at_a_time);
        done += std::ssize(lines);
        if (extras.progress) extras.progress(done);
    });
    return results;
}

// Writes the log probabilities of each line's target and end.
static void score_group(const SequenceModel& model, RaggedView<Token> sources, RaggedView<Token> targets,
                        std::span<const Index> lines, Ragged<double>& scores) {
    GroupDecoding group(model, sources, lines);
    for (const Index line : lines) require_tokens(targets, line, group.vocabulary(), "a target");
    std::vector<Index> running(lines.begin(), lines.end());
    for (std::size_t t = 0; !running.empty(); ++t) {
        std::vector<Token> tokens;
        tokens.reserve(running.size());
        for (const Index line : running) tokens.push_back(t == 0 ? begin_token : targets[line][t - 1]);
        const View log_probabilities = group.step(tokens);
        std::vector<Index> next, rows;
        for (std::size_t i = 0; i < running.size(); ++i) {
            const Index line = running[i];
            const bool ends = t == targets[line].size();
            const Token token = ends ? end_token : targets[line][t];
            scores.values[static_cast<std::size_t>(scores.offsets[line]) + t] =
                double{log_probabilities(static_cast<Index>(i), token)};
            if (ends) continue;
            next.push_back(line);
            rows.push_back(static_cast<Index>(i));
        }
        group.reorder(rows, std::ssize(running));
        running = std::move(next);
    }
}

Ragged<double> score(const SequenceModel& model, RaggedView<Token> sources, RaggedView<Token> targets, Index batch) {
    require_lines(sources, targets, "score");
    require_option(batch > 0, "batch", "at least 1");
    Ragged<double> scores;
    for (Index line = 0; line < targets.size(); ++line)
        scores.offsets.push_back(scores.offsets.back() + std::ssize(targets[line]) + 1);
    scores.values.resize(static_cast<std::size_t>(scores.offsets.back()));
    for_groups(by_length(targets), batch,
               [&](std::span<const Index> lines) { score_group(model, sources, targets, lines, scores); });
    return scores;
}

}  // namespace kvmem
