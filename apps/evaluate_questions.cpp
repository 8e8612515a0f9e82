// kvmem evaluate: how many questions of a split a trained model answers, and what it reads for that.
#include "answer_text.hpp"
#include "evaluation.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/io/json_text.hpp"
#include "model_source.hpp"
#include "program.hpp"
#include "split_name.hpp"
#include "task_verbs.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <iomanip>
#include <iostream>

namespace kvmem::apps {

namespace json = boost::json;

static json::object to_json(const SupportReport& support) {
    json::array mean, head;
    for (const SupportReport::HopRates& hop : support.hops) {
        mean.emplace_back(hop.mean);
        head.emplace_back(hop.head);
    }
    return {{"questions", support.questions},
            {"most_read_by_mean_of_heads", std::move(mean)},
            {"most_read_by_a_head", std::move(head)},
            {"all_support_read", support.all_support},
            {"chance", support.chance}};
}

static json::object to_json(const RefusalReport& refusals) {
    return {{"answerable", refusals.answerable},
            {"answered", refusals.answered},
            {"unanswerable", refusals.unanswerable},
            {"refused", refusals.refused}};
}

static json::object to_json(const Evaluation& evaluation, const std::string& split) {
    json::object object{{"split", split},
                        {"questions", evaluation.metrics.questions},
                        {"loss", evaluation.metrics.loss},
                        {"hits_at_1", evaluation.metrics.hits_at_1},
                        {"hits_at_10", evaluation.metrics.hits_at_10},
                        {"mean_reciprocal_rank", evaluation.metrics.mean_reciprocal_rank},
                        {"f1", evaluation.metrics.f1}};
    if (evaluation.retrieves) object["retrieval_recall"] = evaluation.recall;
    if (!evaluation.retrieves) object["refusals"] = to_json(evaluation.refusals);
    if (!evaluation.tasks.empty()) {
        json::array tasks;
        for (std::size_t i = 0; i < evaluation.tasks.size(); ++i) {
            const TaskReport& task = evaluation.tasks[i];
            json::object line{{"name", task.name},
                              {"questions", task.questions},
                              {"error", task.error},
                              {"f1", task.f1},
                              {"failed", task.failed()}};
            if (!evaluation.paths[i].empty()) {
                line["path"] = evaluation.paths[i];
                line["path_share"] = task.path_share;
            }
            if (task.support.questions > 0) line["support"] = to_json(task.support);
            tasks.push_back(std::move(line));
        }
        object["tasks"] = std::move(tasks);
        object["mean_error"] = mean_error(evaluation.tasks);
        object["failed_tasks"] = failed_tasks(evaluation.tasks);
    }
    if (evaluation.support.questions > 0) object["support"] = to_json(evaluation.support);
    return object;
}

static int name_width(const Evaluation& evaluation) {
    std::size_t width = 20;
    for (const TaskReport& task : evaluation.tasks) width = std::max(width, printable(task.name).size());
    return static_cast<int>(width);
}

static void print_tasks(std::ostream& out, const Evaluation& evaluation) {
    const int width = name_width(evaluation);
    const std::size_t hops = evaluation.support.hops.size();
    const bool follows = std::ranges::any_of(evaluation.paths, [](const std::string& p) { return !p.empty(); });
    out << "\n" << std::left << std::setw(width) << "task" << std::right << "  questions   error        ";
    for (std::size_t hop = 0; hop < hops; ++hop) out << std::setw(8) << "hop " + std::to_string(hop + 1);
    if (follows) out << "      F1  followed";
    for (std::size_t i = 0; i < evaluation.tasks.size(); ++i) {
        const TaskReport& task = evaluation.tasks[i];
        out << "\n"
            << std::left << std::setw(width) << printable(task.name) << std::right << std::setw(11) << task.questions
            << std::setw(8) << percent(task.error) << (task.failed() ? "  failed" : "        ");
        for (const SupportReport::HopRates& hop : task.support.hops) out << std::setw(8) << percent(hop.mean);
        if (follows)
            out << std::setw(8) << percent(task.f1) << std::setw(8) << percent(task.path_share) << " "
                << (task.path_share > 0.5 ? printable(evaluation.paths[i]) : "different ones");
    }
    const auto tasks = static_cast<std::int64_t>(evaluation.tasks.size());
    out << "\n"
        << std::left << std::setw(width) << "mean over tasks" << std::right << std::setw(19)
        << percent(mean_error(evaluation.tasks)) << "\n"
        << std::left << std::setw(width) << "failed (above 5 %)" << std::right << std::setw(11)
        << failed_tasks(evaluation.tasks) << " of " << plural(tasks, "task") << "\n";
}

static void print_support(std::ostream& out, const SupportReport& support) {
    out << "\nof " << plural(support.questions, "question")
        << " with supporting slots, the slot read most is one of them\n";
    for (std::size_t i = 0; i < support.hops.size(); ++i) {
        const SupportReport::HopRates& hop = support.hops[i];
        out << "  hop " << i + 1 << "    " << std::setw(7) << percent(hop.mean);
        if (hop.head != hop.mean)  // only with several heads
            out << " by the mean of its heads, " << percent(hop.head) << " by one head at least";
        out << "\n";
    }
    out << "  each supporting slot is read most by some hop and head: " << percent(support.all_support) << "\n"
        << "  a slot picked at random is one: " << percent(support.chance) << "\n";
}

static void print_refusals(std::ostream& out, const RefusalReport& refusals) {
    const auto share = [&](const char* text, Index part, Index whole) {
        if (whole > 0)
            out << text << percent(static_cast<double>(part) / static_cast<double>(whole)) << " of "
                << plural(whole, "question") << "\n";
    };
    share("  certain enough to be answered, where some answer is right: ", refusals.answered, refusals.answerable);
    share("  refused, where no answer is right: ", refusals.refused, refusals.unanswerable);
}

static std::string names_of(const Vocabulary& vocabulary, std::span<const Token> answers) {
    std::vector<std::string> names;
    for (const Token answer : answers) names.push_back(vocabulary.text(answer));
    return names.empty() ? "no answer" : joined(names);
}

// Whether the first candidate is no right answer, or one is given where none is right.
static bool is_wrong(const Outcome& outcome, double min_certainty) {
    if (outcome.answerable) return outcome.rank != 1;
    return outcome.given != unknown_token && outcome.certainty >= min_certainty;
}

// Prints up to `limit` wrong answers: the question, what was expected and given, and the path to it.
static void print_errors(std::ostream& out, std::span<const ModelSource> sources, const Evaluation& evaluation,
                         const std::string& split_name, Index limit) {
    out << "\n";
    for (std::size_t m = 0; m < sources.size(); ++m) {
        const Vocabulary& vocabulary = sources[m].model->vocabulary();
        const Split& split = sources[m].memory.split(split_name);
        for (Index i = 0; i < split.size() && limit > 0; ++i) {
            const Outcome& outcome = evaluation.outcomes[m][static_cast<std::size_t>(i)];
            if (!is_wrong(outcome, sources[m].model->min_certainty())) continue;
            --limit;
            out << question_text(vocabulary, split.question[i]) << "\n  expected "
                << printable(names_of(vocabulary, split.answer[i])) << "\n  given    "
                << (outcome.given == unknown_token ? "nothing" : printable(vocabulary.text(outcome.given)));
            if (!outcome.path.empty()) out << ", by " << printable(text_of(vocabulary, outcome.path));
            out << "\n";
        }
    }
}

static void print(std::ostream& out, const Evaluation& evaluation, const std::string& split) {
    const Metrics& metrics = evaluation.metrics;
    out << split << ": " << plural(metrics.questions, "question") << "\n"
        << "  hits@1   " << percent(metrics.hits_at_1) << "\n"
        << "  hits@10  " << percent(metrics.hits_at_10) << "\n"
        << "  MRR      " << percent(metrics.mean_reciprocal_rank) << "\n"
        << "  F1       " << percent(metrics.f1) << "\n";
    if (evaluation.retrieves)
        out << "  a right answer is in the slots read: " << percent(evaluation.recall) << ", of "
            << short_number(evaluation.slots) << " slots on average\n";
    if (!evaluation.retrieves) print_refusals(out, evaluation.refusals);
    if (!evaluation.tasks.empty()) print_tasks(out, evaluation);
    if (evaluation.support.questions > 0) print_support(out, evaluation.support);
}

int evaluate_questions(const po::variables_map& values) {
    std::vector<ModelSource> sources = open_models(values, "data");
    const std::string split = split_there(values, sources.front().memory.splits);
    const Evaluation evaluation = evaluate_all(sources, split);
    // The speed goes to stderr, so that equal runs have equal output.
    std::cerr << short_number(static_cast<double>(evaluation.metrics.questions) / std::max(evaluation.seconds, 1e-9))
              << " questions/s\n";
    if (values.count("json"))
        std::cout << with_plain_numbers(json::serialize(to_json(evaluation, split))) << "\n";
    else
        print(std::cout, evaluation, split);
    if (values.count("errors")) print_errors(std::cout, sources, evaluation, split, values["limit"].as<Index>());
    return 0;
}

}  // namespace kvmem::apps
