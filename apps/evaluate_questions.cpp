// kvmem evaluate: how many questions of a split a trained model answers, and what it reads for that.
#include "evaluation.hpp"
#include "kvmem/core/text.hpp"
#include "model_source.hpp"
#include "program.hpp"
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

static json::object to_json(const Evaluation& evaluation, const std::string& split) {
    json::object object{{"split", split},
                        {"questions", evaluation.metrics.questions},
                        {"loss", evaluation.metrics.loss},
                        {"hits_at_1", evaluation.metrics.hits_at_1},
                        {"hits_at_10", evaluation.metrics.hits_at_10},
                        {"mean_reciprocal_rank", evaluation.metrics.mean_reciprocal_rank},
                        {"f1", evaluation.metrics.f1}};
    if (evaluation.retrieves) object["retrieval_recall"] = evaluation.recall;
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
    if (!evaluation.tasks.empty()) print_tasks(out, evaluation);
    if (evaluation.support.questions > 0) print_support(out, evaluation.support);
}

int evaluate_questions(const po::variables_map& values) {
    const std::string split = values["split"].as<std::string>();
    std::vector<ModelSource> sources = open_models(values, "data");
    const Evaluation evaluation = evaluate_all(sources, split);
    // The speed goes to stderr, so that equal runs have equal output.
    std::cerr << short_number(static_cast<double>(evaluation.metrics.questions) / std::max(evaluation.seconds, 1e-9))
              << " questions/s\n";
    if (values.count("json"))
        std::cout << json::serialize(to_json(evaluation, split)) << "\n";
    else
        print(std::cout, evaluation, split);
    return 0;
}

}  // namespace kvmem::apps
