#include "kvmem/tasks/qa/evaluate.hpp"

#include "kvmem/core/float_control.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/softmax.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <iterator>
#include <map>

namespace kvmem {

// The numbers of the right answers among the candidates; both rise.
static void right_answers(std::span<const Token> candidates, std::span<const Token> answers,
                          std::vector<Index>& right) {
    right.clear();
    for (const Token token : answers) {
        const auto at = std::lower_bound(candidates.begin(), candidates.end(), token);
        if (at != candidates.end() && *at == token) right.push_back(at - candidates.begin());
    }
    std::ranges::sort(right);
}

// The loss of a question whose right answers a model with few scores leaves out.
constexpr double loss_if_unscored = 30;

// Sets rank and loss from the scores [1, C], which the loss overwrites.
static void set_rank(Outcome& outcome, View scores, std::span<const Index> right) {
    const std::span<const Real> numbers = scores.span();
    if (right.empty() || !std::all_of(numbers.begin(), numbers.end(), [](Real s) { return std::isfinite(s); })) return;
    const auto score = [&](Index i) { return numbers[i]; };
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
    outcome.rank = rank;
    outcome.loss = double{loss};
}

static bool precedes(const Scored& a, const Scored& b) {
    return a.score > b.score || (a.score == b.score && a.index < b.index);
}

// The same from the scores of a few candidates; the others have none.
static void set_rank(Outcome& outcome, std::span<const Scored> few, std::span<const Index> right) {
    if (right.empty() || !std::ranges::all_of(few, [](const Scored& s) { return std::isfinite(s.score); })) return;
    const auto is_right = [&](const Scored& s) { return std::ranges::binary_search(right, s.index); };
    const Scored* best = nullptr;
    for (const Scored& s : few)
        if (is_right(s) && (!best || precedes(s, *best))) best = &s;
    if (!best) {
        outcome.loss = loss_if_unscored;
        return;
    }
    double others = 0;
    outcome.rank = 1;
    for (const Scored& s : few) {
        outcome.rank += precedes(s, *best);
        if (&s == best || !is_right(s)) others += std::exp(double{s.score} - double{best->score});
    }
    outcome.loss = std::log(others);
}

static double f1(Index given, Index hit, std::span<const Index> right) {
    return 2 * static_cast<double>(hit) / static_cast<double>(given + std::ssize(right));
}

// Sets the F1 of two sets: the right answers, and the candidates with at least half of the first one's weight.
static void set_f1(Outcome& outcome, View all, std::span<const Index> right) {
    if (right.empty()) return;
    const std::span<const Real> scores = all.span();
    const Real threshold = as_good_as(*std::ranges::max_element(scores));
    const auto given = std::ranges::count_if(scores, [&](Real s) { return s >= threshold; });
    const auto hit = std::ranges::count_if(right, [&](Index i) { return scores[i] >= threshold; });
    outcome.f1 = f1(given, hit, right);
}

static void set_f1(Outcome& outcome, std::span<const Scored> few, std::span<const Index> right) {
    if (right.empty() || few.empty()) return;
    const Real threshold = as_good_as(std::ranges::min_element(few, precedes)->score);
    Index given = 0, hit = 0;
    for (const Scored& s : few)
        if (s.score >= threshold) ++given, hit += std::ranges::binary_search(right, s.index);
    outcome.f1 = f1(given, hit, right);
}

// The candidate of the largest score, the first of equal ones.
static Token first_of(std::span<const Token> candidates, View all) {
    return all.cols == 0 ? unknown_token : candidates[std::ranges::max_element(all.span()) - all.span().begin()];
}

static Token first_of(std::span<const Token> candidates, std::span<const Scored> few) {
    return few.empty() ? unknown_token : candidates[std::ranges::min_element(few, precedes)->index];
}

// The slot with the largest weight above 0, the first of equal ones; -1 without any.
static Index top_slot(std::span<const Real> weights) {
    Index most = -1;
    Real largest = 0;
    for (std::size_t s = 0; s < weights.size(); ++s)
        if (weights[s] > largest) largest = weights[s], most = static_cast<Index>(s);
    return most;
}

// Compares the attention of one question with its supporting slots. Its slots are [first, first + slots) of the batch,
// and `support` counts from `first`.
static void compare_support(Outcome& outcome, const AttentionTrace& attention, Index first, Index slots,
                            std::span<const Index> support) {
    const auto supports = [&](Index slot) { return std::ranges::find(support, slot) != support.end(); };
    const auto mine = [&](std::span<const Real> weights) { return weights.subspan(first, slots); };
    std::vector<Index> tops;
    std::vector<Real> sum;
    for (Index hop = 0; hop < attention.hops; ++hop) {
        Outcome::HopSupport& read = outcome.hops.emplace_back();
        sum.assign(slots, 0);
        for (Index head = 0; head < attention.heads; ++head) {
            const auto weights = mine(attention.of(hop, head));
            std::ranges::transform(weights, sum, sum.begin(), std::plus());
            tops.push_back(top_slot(weights));
            read.head = read.head || supports(tops.back());
        }
        read.mean = supports(top_slot(sum));
    }
    outcome.all_support =
        std::ranges::all_of(support, [&](Index slot) { return std::ranges::find(tops, slot) != tops.end(); });
    Index supporting = 0;
    for (Index slot = 0; slot < slots; ++slot) supporting += supports(slot);
    outcome.chance = static_cast<double>(supporting) / static_cast<double>(slots);
}

// Groups stories, or single questions, into parts of at least `min_questions` questions, which makes the product with
// all candidates efficient. Gives offsets into `stories`.
static std::vector<std::size_t> parts_of(const std::vector<Index>& stories, Index min_questions) {
    std::vector<std::size_t> parts{0};
    for (std::size_t u = 1; u < stories.size(); ++u)
        if (stories[u] - stories[parts.back()] >= min_questions || u + 1 == stories.size()) parts.push_back(u);
    return parts;
}

namespace {

// What a thread reuses from part to part.
struct Workspace {
    Tape tape;
    Batch batch;
    AttentionTrace attention;
    std::vector<Index> right;

    Workspace() { tape.set_training(false); }
};

// The arguments of answer_all(), and where its result goes.
struct Questions {
    const Model& model;
    const QaDataset& dataset;
    const Split& split;
    const Retriever& retriever;
    bool traced, has_support;
    std::span<Outcome> outcomes;

    void answer(Workspace& w, std::span<const Index> stories) const;
    void trace(const Workspace& w, Index first, Index question) const;
};

// Answers the stories between these offsets.
void Questions::answer(Workspace& w, std::span<const Index> stories) const {
    const Index first = stories.front(), last = stories.back();
    w.tape.reset();
    w.batch.clear();
    for (std::size_t u = 0; u + 1 < stories.size(); ++u)
        add_story(w.batch, dataset, split, stories[u], stories[u + 1], retriever);
    const auto judge = [&](auto scores_of) {
        for (Index i = first; i < last; ++i) {
            outcomes[i].answerable = !split.answer[i].empty();
            outcomes[i].given = first_of(model.candidates(), scores_of(i - first));
            right_answers(model.candidates(), split.answer[i], w.right);
            set_f1(outcomes[i], scores_of(i - first), w.right);
            set_rank(outcomes[i], scores_of(i - first), w.right);
        }
    };
    if (model.scores_few()) {
        const Ragged<Scored> few = model.score_few(w.tape, w.batch, &w.attention);
        judge([&](Index i) { return few[i]; });
        for (Index i = first; i < last; ++i) outcomes[i].certainty = w.attention.certainty[i - first];
    } else {
        const View scores = w.tape.arena().matrix(last - first, std::ssize(model.candidates()));
        model.score(w.tape, w.batch, scores, traced && has_support ? &w.attention : nullptr);
        judge([&](Index i) { return scores.middle_rows(i, 1); });
    }
    for (Index i = first; i < last; ++i) {
        if (!split.task.empty()) outcomes[i].task = split.task[i];
        if (traced) trace(w, first, i);
    }
}

// Notes the path and the support of a question; `first` is the first question of its batch.
void Questions::trace(const Workspace& w, Index first, Index question) const {
    Outcome& outcome = outcomes[question];
    if (model.scores_few())
        for (const FactPath& path : w.attention.paths[question - first])
            for (const FactPath::Step& step : path.steps) outcome.path.push_back(step.relation);
    if (!has_support || split.support[question].empty()) return;
    const auto [begin, end] = w.batch.slots_of(question - first);
    compare_support(outcome, w.attention, begin, end - begin, split.support[question]);
}

}  // namespace

std::vector<Outcome> answer_all(const Model& model, const QaDataset& dataset, const Split& split,
                                const Retriever& retriever, Trace trace, const std::function<void(Index)>& progress) {
    const std::vector<Index> stories = model.reads_stories() ? story_offsets(split) : single_offsets(split);
    // A model with few scores does some work for the whole memory once a part.
    const std::vector<std::size_t> parts = parts_of(stories, model.scores_few() ? 256 : 64);
    std::vector<Outcome> outcomes(split.size());
    const Questions questions{model,   dataset, split, retriever, trace == Trace::attention, !split.support.empty(),
                              outcomes};
    std::atomic<Index> done{0};
    const FlushSubnormals flush;
    parallel_for(std::ssize(parts) - 1, 1, [&](Index first_part, Index last_part) {
        Workspace workspace;
        for (Index part = first_part; part < last_part; ++part) {
            const auto mine = std::span(stories).subspan(parts[part], parts[part + 1] - parts[part] + 1);
            questions.answer(workspace, mine);
            const Index so_far = done += mine.back() - mine.front();
            if (progress) progress(so_far);
        }
    });
    return outcomes;
}

static double share(double part, Index whole) { return part / static_cast<double>(std::max<Index>(whole, 1)); }

Metrics metrics_of(std::span<const Outcome> outcomes) {
    Metrics metrics;
    metrics.questions = std::ssize(outcomes);
    Index ranked = 0;
    for (const Outcome& outcome : outcomes) {
        const Index rank = outcome.rank;
        metrics.hits_at_1 += rank == 1;
        metrics.hits_at_10 += rank >= 1 && rank <= 10;
        metrics.mean_reciprocal_rank += rank > 0 ? 1.0 / static_cast<double>(rank) : 0.0;
        metrics.loss += outcome.loss;
        metrics.f1 += outcome.f1;
        ranked += outcome.loss > 0 || rank > 0;
    }
    metrics.hits_at_1 = share(metrics.hits_at_1, metrics.questions);
    metrics.hits_at_10 = share(metrics.hits_at_10, metrics.questions);
    metrics.mean_reciprocal_rank = share(metrics.mean_reciprocal_rank, metrics.questions);
    metrics.f1 = share(metrics.f1, metrics.questions);
    metrics.loss = share(metrics.loss, ranked);
    return metrics;
}

Metrics evaluate(const Model& model, const QaDataset& dataset, const Split& split, const Retriever& retriever,
                 const std::function<void(Index)>& progress) {
    return metrics_of(answer_all(model, dataset, split, retriever, Trace::none, progress));
}

RefusalReport refusals_of(std::span<const Outcome> outcomes, double min_certainty) {
    RefusalReport report;
    for (const Outcome& outcome : outcomes) {
        const bool answers = outcome.given != unknown_token && outcome.certainty >= min_certainty;
        ++(outcome.answerable ? report.answerable : report.unanswerable);
        report.answered += outcome.answerable && answers;
        report.refused += !outcome.answerable && !answers;
    }
    return report;
}

double certainty_reached(std::span<const Outcome> outcomes, double share) {
    std::vector<double> all;
    for (const Outcome& outcome : outcomes)
        if (outcome.answerable) all.push_back(outcome.certainty);
    if (all.empty()) return 0;
    const auto at = static_cast<std::ptrdiff_t>((1 - share) * static_cast<double>(all.size()));
    std::ranges::nth_element(all, all.begin() + std::min(at, std::ssize(all) - 1));
    return all[std::min(at, std::ssize(all) - 1)];
}

SupportReport support_of(std::span<const Outcome> outcomes) {
    SupportReport report;
    for (const Outcome& outcome : outcomes) {
        if (outcome.hops.empty()) continue;
        ++report.questions;
        report.all_support += outcome.all_support;
        report.chance += outcome.chance;
        report.hops.resize(std::max(report.hops.size(), outcome.hops.size()));
        for (std::size_t hop = 0; hop < outcome.hops.size(); ++hop) {
            report.hops[hop].mean += outcome.hops[hop].mean;
            report.hops[hop].head += outcome.hops[hop].head;
        }
    }
    for (double* sum : {&report.all_support, &report.chance}) *sum = share(*sum, report.questions);
    for (SupportReport::HopRates& hop : report.hops)
        hop = {share(hop.mean, report.questions), share(hop.head, report.questions)};
    return report;
}

std::vector<TaskReport> reports_by_task(std::span<const Outcome> outcomes, const std::vector<std::string>& tasks) {
    std::vector<TaskReport> reports;
    std::vector<Outcome> mine;
    for (std::size_t task = 0; task < tasks.size(); ++task) {
        mine.clear();
        std::ranges::copy_if(outcomes, std::back_inserter(mine),
                             [&](const Outcome& o) { return o.task == static_cast<Index>(task); });
        if (mine.empty()) continue;
        const auto wrong = std::ranges::count_if(mine, [](const Outcome& o) { return o.rank != 1; });
        const Index questions = std::ssize(mine);
        TaskReport report{tasks[task], questions, share(static_cast<double>(wrong), questions), 0, support_of(mine),
                          {},          0};
        std::map<std::vector<Token>, Index> paths;
        for (const Outcome& outcome : mine) {
            report.f1 += share(outcome.f1, questions);
            if (!outcome.path.empty()) ++paths[outcome.path];
        }
        const auto most = std::ranges::max_element(paths, {}, [](const auto& p) { return p.second; });
        if (most != paths.end()) {
            report.path = most->first;
            report.path_share = share(static_cast<double>(most->second), questions);
        }
        reports.push_back(std::move(report));
    }
    return reports;
}

double mean_error(std::span<const TaskReport> tasks) {
    double sum = 0;
    for (const TaskReport& task : tasks) sum += task.error;
    return share(sum, std::ssize(tasks));
}

Index failed_tasks(std::span<const TaskReport> tasks) { return std::ranges::count_if(tasks, &TaskReport::failed); }

}  // namespace kvmem
