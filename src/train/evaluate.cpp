#include "kvmem/train/evaluate.hpp"

#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/softmax.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

namespace kvmem {

namespace {

// What one question's scores came to.
struct Outcome {
    Index rank = 0;  // from 1, of the best right candidate; 0: missed, there is none or the scores are not numbers
    double loss = 0;
};

}  // namespace

// The numbers of the right answers among the rising candidates.
static void find_right(std::span<const Token> candidates, std::span<const Token> answers, std::vector<Index>& right) {
    right.clear();
    for (const Token token : answers) {
        const auto at = std::lower_bound(candidates.begin(), candidates.end(), token);
        if (at != candidates.end() && *at == token) right.push_back(at - candidates.begin());
    }
}

// Overwrites the scores [1, C].
static Outcome outcome_of(View scores, std::span<const Index> right) {
    const std::span<const Real> numbers = scores.span();
    if (right.empty() || !std::all_of(numbers.begin(), numbers.end(), [](Real s) { return std::isfinite(s); }))
        return {};
    const auto score = [&](Index i) { return numbers[static_cast<std::size_t>(i)]; };
    const Index best = *std::min_element(right.begin(), right.end(), [&](Index a, Index b) {
        return score(a) > score(b) || (score(a) == score(b) && a < b);
    });
    Index rank = 1;
    for (Index i = 0; i < scores.cols; ++i) rank += score(i) > score(best) || (score(i) == score(best) && i < best);
    std::vector<Index> others;
    std::copy_if(right.begin(), right.end(), std::back_inserter(others), [&](Index i) { return i != best; });
    const Index offsets[] = {0, static_cast<Index>(others.size())};
    Real loss = 0;
    cross_entropy(scores, std::span(&best, 1), {others, offsets}, std::span(&loss, 1), scores);
    return {rank, double{loss}};
}

// Stories, or single questions, in parts of at least `least` questions, so that the product with all candidates is
// efficient: offsets into `stories`.
static std::vector<std::size_t> parts_of(const std::vector<Index>& stories, Index least) {
    std::vector<std::size_t> parts{0};
    for (std::size_t u = 1; u < stories.size(); ++u)
        if (stories[u] - stories[parts.back()] >= least || u + 1 == stories.size()) parts.push_back(u);
    return parts;
}

Metrics evaluate(const Model& model, const QaDataset& dataset, const Split& split, const Retriever& retriever,
                 const std::function<void(Index)>& progress) {
    const std::vector<Index> stories = model.reads_stories() ? story_offsets(split) : single_offsets(split);
    const std::vector<std::size_t> parts = parts_of(stories, 64);
    std::vector<Outcome> outcomes(static_cast<std::size_t>(split.size()));
    std::atomic<Index> done{0};
    parallel_for(static_cast<Index>(parts.size()) - 1, 1, [&](Index first_part, Index last_part) {
        Tape tape;
        tape.set_training(false);
        Batch batch;
        std::vector<Index> right;
        for (auto part = static_cast<std::size_t>(first_part); part < static_cast<std::size_t>(last_part); ++part) {
            const Index first = stories[parts[part]], last = stories[parts[part + 1]];
            tape.reset();
            batch.clear();
            for (std::size_t u = parts[part]; u < parts[part + 1]; ++u)
                add_story(batch, dataset, split, stories[u], stories[u + 1], retriever);
            const View scores = tape.arena().matrix(last - first, static_cast<Index>(model.candidates().size()));
            model.score(tape, batch, scores);
            for (Index i = first; i < last; ++i) {
                find_right(model.candidates(), split.answer[i], right);
                outcomes[static_cast<std::size_t>(i)] = outcome_of(scores.middle_rows(i - first, 1), right);
            }
            const Index so_far = done += last - first;
            if (progress) progress(so_far);
        }
    });
    Metrics metrics;
    metrics.questions = split.size();
    Index ranked = 0;
    for (const auto& [rank, loss] : outcomes) {
        metrics.hits_at_1 += rank == 1;
        metrics.hits_at_10 += rank >= 1 && rank <= 10;
        metrics.mean_reciprocal_rank += rank > 0 ? 1.0 / static_cast<double>(rank) : 0.0;
        metrics.loss += loss;
        ranked += rank > 0;
    }
    const auto questions = static_cast<double>(std::max<Index>(split.size(), 1));
    metrics.hits_at_1 /= questions;
    metrics.hits_at_10 /= questions;
    metrics.mean_reciprocal_rank /= questions;
    metrics.loss /= static_cast<double>(std::max<Index>(ranked, 1));
    return metrics;
}

}  // namespace kvmem
