#include "kvmem/tasks/selection/evaluate.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>
#include <unordered_set>

namespace kvmem {

std::vector<Index> worst_case_order(std::span<const Real> scores, std::span<const std::uint8_t> right) {
    for (const Real score : scores)
        if (!std::isfinite(score))
            throw Error({.what = "a score is wrong", .expected = "a finite number", .got = std::to_string(score)});
    std::vector<Index> order(scores.size());
    std::iota(order.begin(), order.end(), Index{0});
    std::ranges::stable_sort(
        order, [&](Index a, Index b) { return scores[a] != scores[b] ? scores[a] > scores[b] : right[a] < right[b]; });
    return order;
}

static double mean_of(std::span<const double> values) {
    return values.empty() ? 0 : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double SelectionEvaluation::map() const { return mean_of(average_precision); }
double SelectionEvaluation::mrr() const { return mean_of(reciprocal_rank); }
double SelectionEvaluation::precision_at_1() const { return mean_of(first_right); }

static void add_question(const SelectionQuestion& question, std::span<const Real> scores,
                         SelectionEvaluation& evaluation) {
    double found = 0, precisions = 0, first = 0, rank = 0;
    for (const Index candidate : worst_case_order(scores, question.right)) {
        ++rank;
        if (!question.right[candidate]) continue;
        if (found == 0) first = 1 / rank;
        precisions += ++found / rank;
    }
    evaluation.average_precision.push_back(found > 0 ? precisions / found : 0);
    evaluation.reciprocal_rank.push_back(first);
    evaluation.first_right.push_back(first == 1);
}

SelectionEvaluation evaluate(std::span<const SelectionQuestion> questions, RaggedView<Real> scores,
                             bool all_questions) {
    SelectionEvaluation evaluation{.all = std::ssize(questions)};
    for (std::size_t i = 0; i < questions.size(); ++i) {
        const Index answers = questions[i].answers();
        evaluation.unanswered += answers == 0;
        evaluation.only_right += answers == questions[i].size();
        if (answers > 0 || all_questions) add_question(questions[i], scores[i], evaluation);
    }
    return evaluation;
}

double right_weight(std::span<const SelectionQuestion> questions, RaggedView<Real> scores) {
    std::vector<double> weights;
    for (std::size_t i = 0; i < questions.size(); ++i) {
        if (questions[i].answers() == 0) continue;
        const std::span<const Real> row = scores[i];
        const Real largest = *std::ranges::max_element(row);
        double right = 0, all = 0;
        for (std::size_t c = 0; c < row.size(); ++c) {
            const double weight = std::exp(static_cast<double>(row[c] - largest));
            all += weight;
            right += questions[i].right[c] ? weight : 0;
        }
        weights.push_back(right / all);
    }
    return mean_of(weights);
}

namespace {

// The first candidate of a question.
struct First {
    double score;
    bool is_right;
};

}  // namespace

static std::vector<First> first_of_each(std::span<const SelectionQuestion> questions, RaggedView<Real> scores) {
    std::vector<First> all;
    for (std::size_t i = 0; i < questions.size(); ++i) {
        const Index first = worst_case_order(scores[i], questions[i].right).front();
        all.push_back({scores[i][first], questions[i].right[first] == 1});
    }
    return all;
}

static double answered(std::span<const SelectionQuestion> questions) {
    return static_cast<double>(std::ranges::count_if(questions, [](auto& question) { return question.answers() > 0; }));
}

static Triggering triggering(double threshold, double right, double given, double answered) {
    const double precision = given > 0 ? right / given : 0, recall = answered > 0 ? right / answered : 0;
    return {threshold, precision, recall, right > 0 ? 2 * precision * recall / (precision + recall) : 0};
}

Triggering trigger(std::span<const SelectionQuestion> questions, RaggedView<Real> scores, double threshold) {
    double right = 0, given = 0;
    for (const First& first : first_of_each(questions, scores)) {
        given += first.score >= threshold;
        right += first.score >= threshold && first.is_right;
    }
    return triggering(threshold, right, given, answered(questions));
}

Triggering best_trigger(std::span<const SelectionQuestion> questions, RaggedView<Real> scores) {
    std::vector<First> all = first_of_each(questions, scores);
    std::ranges::sort(all, std::greater(), &First::score);
    const double with_answers = answered(questions);
    Triggering best{.threshold = all.empty() ? 0 : all.front().score};
    double right = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        right += all[i].is_right;
        if (i + 1 < all.size() && all[i + 1].score == all[i].score) continue;
        const Triggering here = triggering(all[i].score, right, static_cast<double>(i + 1), with_answers);
        if (here.f1 > best.f1) best = here;
    }
    return best;
}

// An id without blanks and controls, which would end a field or a line.
static std::string one_word(std::string id) {
    static constexpr std::string_view beyond_ascii[] = {
        "\xC2\x85", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
        "\u2007",   "\u2008", "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};
    std::ranges::replace_if(
        id, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; }, '_');
    for (const std::string_view blank : beyond_ascii)
        for (std::size_t at = id.find(blank); at != id.npos; at = id.find(blank, at)) id.replace(at, blank.size(), "_");
    return id;
}

// The ids of questions as a run has them: one word each, all different.
static std::vector<std::string> trec_ids(std::span<const SelectionQuestion> questions) {
    std::vector<std::string> ids;
    std::unordered_set<std::string> taken;
    for (const SelectionQuestion& question : questions) {
        const std::string number = std::to_string(ids.size() + 1);
        std::string id = question.id.empty() ? number : one_word(question.id);
        while (!taken.insert(id).second) id += "_" + number;
        ids.push_back(std::move(id));
    }
    return ids;
}

void write_trec(const std::filesystem::path& folder, const std::string& name,
                std::span<const SelectionQuestion> questions, RaggedView<Real> scores) {
    const std::vector<std::string> ids = trec_ids(questions);
    std::string run, qrels;
    for (std::size_t i = 0; i < questions.size(); ++i) {
        const SelectionQuestion& question = questions[i];
        const std::string& id = ids[i];
        Index rank = 0;
        for (const Index candidate : worst_case_order(scores[i], question.right)) {
            const std::string sentence = id + "-" + std::to_string(candidate);
            qrels += id + " 0 " + sentence + " " + std::to_string(question.right[candidate]) + "\n";
            run += id + " Q0 " + sentence + " " + std::to_string(rank + 1) + " " +
                   std::to_string(question.size() - rank) + " kvmem\n";
            ++rank;
        }
    }
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error)
        throw Error({.what = "cannot make the folder",
                     .expected = "a folder to write to",
                     .got = error.message(),
                     .where = folder.string()});
    replace_file(folder / (name + ".run"), run);
    replace_file(folder / (name + ".qrels"), qrels);
}

}  // namespace kvmem
