#include "kvmem/train/evaluate.hpp"

#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

namespace kvmem {

// The rank, from 1, of the best of the right candidates; 0 when none is a candidate, or when scores are not
// numbers: then nothing is ranked.
static Index rank_of_best(std::span<const Real> scores, std::span<const Index> right) {
    const bool numbers = std::all_of(scores.begin(), scores.end(), [](Real s) { return std::isfinite(s); });
    if (right.empty() || !numbers) return 0;
    const auto score = [&](Index i) { return scores[static_cast<std::size_t>(i)]; };
    const Index best = *std::min_element(right.begin(), right.end(), [&](Index a, Index b) {
        return score(a) > score(b) || (score(a) == score(b) && a < b);
    });
    Index rank = 1;
    for (Index i = 0; i < static_cast<Index>(scores.size()); ++i)
        rank += score(i) > score(best) || (score(i) == score(best) && i < best);
    return rank;
}

Metrics evaluate(const KvMemNN& model, const QaDataset& dataset, const Split& split, const Retriever& retriever,
                 const std::function<void(Index)>& progress) {
    // As many questions at once as make the product with all candidates efficient.
    constexpr Index chunk = 64;
    const auto candidates = model.candidates();
    std::vector<Index> rank(static_cast<std::size_t>(split.size()), 0);
    std::atomic<Index> done{0};
    parallel_for((split.size() + chunk - 1) / chunk, 1, [&](Index first_chunk, Index last_chunk) {
        Tape tape;
        tape.set_training(false);
        Batch batch;
        std::vector<Index> right;
        for (Index c = first_chunk; c < last_chunk; ++c) {
            const Index first = c * chunk, last = std::min(split.size(), first + chunk);
            tape.reset();
            batch.clear();
            for (Index i = first; i < last; ++i) add_example(batch, dataset, split, i, retriever);
            const View scores = tape.arena().matrix(last - first, static_cast<Index>(candidates.size()));
            model.score(model.read(tape, batch), batch, scores);
            for (Index i = first; i < last; ++i) {
                right.clear();
                for (const Token token : split.answer[i]) {
                    const auto at = std::lower_bound(candidates.begin(), candidates.end(), token);
                    if (at != candidates.end() && *at == token) right.push_back(at - candidates.begin());
                }
                rank[static_cast<std::size_t>(i)] = rank_of_best(scores.middle_rows(i - first, 1).span(), right);
            }
            const Index so_far = done += last - first;
            if (progress) progress(so_far);
        }
    });
    Metrics metrics;
    metrics.questions = split.size();
    for (const Index r : rank) {
        metrics.hits_at_1 += r == 1;
        metrics.hits_at_10 += r >= 1 && r <= 10;
        metrics.mean_reciprocal_rank += r > 0 ? 1.0 / static_cast<double>(r) : 0.0;
    }
    const auto questions = static_cast<double>(std::max<Index>(split.size(), 1));
    metrics.hits_at_1 /= questions;
    metrics.hits_at_10 /= questions;
    metrics.mean_reciprocal_rank /= questions;
    return metrics;
}

}  // namespace kvmem
