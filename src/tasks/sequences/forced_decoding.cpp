#include "tasks/sequences/forced_decoding.hpp"

#include "kvmem/tasks/sequences/generate.hpp"
#include "tasks/sequences/group_decoding.hpp"

namespace kvmem {

static std::span<const Real> row_of(ConstView rows, Index i) {
    return {rows.row(i), static_cast<std::size_t>(rows.cols)};
}

static void force_group(const SequenceModel& model, RaggedView<Token> sources, RaggedView<Token> targets,
                        std::span<const Index> lines, const std::function<void(const ForcedStep&)>& visit) {
    GroupDecoding group(model, sources, lines);
    for (const Index line : lines) require_tokens(targets, line, group.vocabulary(), "a target");
    std::vector<Index> running(lines.begin(), lines.end());
    for (Index t = 0; !running.empty(); ++t) {
        std::vector<Token> tokens;
        tokens.reserve(running.size());
        for (const Index line : running) tokens.push_back(t == 0 ? begin_token : targets[line][t - 1]);
        const ConstView log_probabilities = group.step(tokens), states = group.decoding().states();
        std::vector<Index> next, rows;
        for (Index i = 0; i < std::ssize(running); ++i) {
            const Index line = running[i];
            const bool ends = t == std::ssize(targets[line]);
            visit({line, t, ends ? end_token : targets[line][t], row_of(log_probabilities, i),
                   states.empty() ? std::span<const Real>() : row_of(states, i)});
            if (ends) continue;
            next.push_back(line);
            rows.push_back(i);
        }
        group.reorder(rows, std::ssize(running));
        running = std::move(next);
    }
}

void force(const SequenceModel& model, RaggedView<Token> sources, RaggedView<Token> targets, Index batch,
           const std::function<void(const ForcedStep& step)>& visit) {
    require_lines(sources, targets, "score");
    require_option(batch > 0, "batch", "at least 1");
    for_groups(by_length(targets), batch,
               [&](std::span<const Index> lines) { force_group(model, sources, targets, lines, visit); });
}

Ragged<double> score(const SequenceModel& model, RaggedView<Token> sources, RaggedView<Token> targets, Index batch) {
    require_lines(sources, targets, "score");
    Ragged<double> scores;
    for (Index line = 0; line < targets.size(); ++line)
        scores.offsets.push_back(scores.offsets.back() + std::ssize(targets[line]) + 1);
    scores.values.resize(static_cast<std::size_t>(scores.offsets.back()));
    force(model, sources, targets, batch, [&](const ForcedStep& step) {
        scores.values[scores.offsets[step.line] + step.t] = double{step.log_probabilities[step.next]};
    });
    return scores;
}

}  // namespace kvmem
