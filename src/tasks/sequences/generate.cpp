#include "kvmem/tasks/sequences/generate.hpp"

#include "kvmem/core/error.hpp"
#include "tasks/sequences/group_decoding.hpp"
#include "tasks/sequences/line_search.hpp"

#include <mutex>
#include <string>

namespace kvmem {

void GenerateOptions::check() const {
    require_option(sample || n_best <= beam, "n_best", "at most as many as the beam has, or samples");
    require_option(!sample || beam == 1, "beam", "1 for samples");
    require_option(min_length <= max_length, "min_length", "at most max_length");
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

}  // namespace kvmem
