// kvmem plot: a page of a run that answers questions.
#include "kvmem/core/file.hpp"
#include "kvmem/tasks/qa/tasks.hpp"
#include "model_source.hpp"
#include "plot_examples.hpp"
#include "plot_run.hpp"
#include "plot_vectors.hpp"
#include "task_table.hpp"
#include "task_verbs.hpp"

namespace kvmem::apps {

namespace fs = std::filesystem;

static std::string tasks_section(const std::vector<TaskReport>& tasks) {
    if (tasks.empty()) return {};
    BarChart bars{"error, % of the questions", {}, TaskReport::allowed_error, "5 %"};
    for (const TaskReport& task : tasks)
        bars.bars.push_back({task.name, task.error, task.failed(),
                             task.name + ": " + decimal(100 * task.error, 2) + " % of " +
                                 plural(task.questions, "question") + " wrong"});
    const auto count = static_cast<std::int64_t>(tasks.size());
    return tag("h2", "Errors by task") +
           tag("p", "Mean over " + plural(count, "task") + ": " + percent(mean_error(tasks)) +
                        ". Failed, above 5 %: " + std::to_string(failed_tasks(tasks)) + ".") +
           chart(svg(bars));
}

static std::string support_section(const SupportReport& support) {
    if (support.questions == 0) return {};
    std::string rows = "<tr><th></th>" + tag("th", "by the mean of the heads", "number") +
                       tag("th", "by one head at least", "number") + "</tr>";
    for (std::size_t hop = 0; hop < support.hops.size(); ++hop)
        rows += "<tr>" + tag("td", "hop " + std::to_string(hop + 1)) +
                tag("td", percent(support.hops[hop].mean), "number") +
                tag("td", percent(support.hops[hop].head), "number") + "</tr>\n";
    return tag("h2", "Is what is read most what the answer rests on?") +
           tag("p",
               "The share of " + plural(support.questions, "question") +
                   " with supporting slots of which the slot that a hop reads most is one of them. A slot picked " +
                   "at random is one in " + percent(support.chance) + ". Each supporting slot is read most by " +
                   "some hop and head in " + percent(support.all_support) + ".") +
           "<table>" + rows + "</table>\n";
}

static std::string example_section(const Example& example) {
    std::string text = tag("h3", (example.task.empty() ? "" : example.task + ": ") + example.question) + "<p>" +
                       tag("b", example.right ? "right" : "wrong", example.right ? "good" : "wrong") + ", answer " +
                       tag("b", example.answer) + " (" + percent(example.weight) + ")";
    if (!example.right) text += ", expected " + tag("b", example.expected);
    if (std::ssize(example.reads.rows) < example.slots)
        text += escaped("; of " + plural(example.slots, "slot") + " those read most are shown");
    if (!example.path.empty()) text += "<br/>" + escaped(example.path);
    return text + "</p>\n" + (example.reads.rows.empty() ? "" : chart(svg(example.reads)));
}

static std::string examples_section(const std::vector<Example>& examples) {
    if (examples.empty()) return {};
    std::string text = tag("h2", "What was read") +
                       tag("p",
                           "Each column is a head of a hop, each row a slot, or a word of the question where facts are "
                           "followed; the stronger its colour, the more of it was read " +
                               std::string("(the number is in the tooltip). ● marks the slots that the answer ") +
                               "rests on. Right answers are taken from the tasks in turn, wrong ones from the " +
                               "tasks with most errors, the first of each.");
    for (const Example& example : examples) text += example_section(example);
    return text;
}

// A page with title, summary, learning curves and settings.
static PlotPage described_page(std::span<const ModelSource> sources, const RunFiles& files) {
    PlotPage page;
    const ModelSource& first = sources.front();
    page.title = fs::absolute(files.directory / "").parent_path().filename().string() + ": " + first.model->name();
    page.summary = first.model->summary() + (sources.size() > 1 ? ", one for each task." : ".");
    if (!first.memory.info.title.empty()) page.summary += " Data: " + first.memory.info.title;
    if (!is_folder(files.directory)) {
        add_settings(page, to_json(first.model->settings()));
        return page;
    }
    const TaskType& task = task_of_run(files.directory).type();
    const RunConfig config = files.read_config(task);
    add_run(page, files, task, config.per_task ? task_names(first.memory, config.tasks) : std::vector<std::string>{});
    return page;
}

// The split that is named, or else validation, or what split there is.
static std::string split_of(const po::variables_map& values, const QaDataset& dataset) {
    std::string name = values["split"].as<std::string>();
    if (!values["split"].defaulted() || dataset.splits.contains(name)) return name;
    return dataset.splits.empty() ? name : dataset.splits.begin()->first;
}

PlotPage plot_questions(const po::variables_map& values) {
    std::vector<ModelSource> sources = open_models(values, "data");
    const std::string split = split_of(values, sources.front().memory);
    PlotPage page = described_page(sources, RunFiles{values["run"].as<std::string>()});
    const Evaluation evaluation = evaluate_all(sources, split);
    const Metrics& metrics = evaluation.metrics;
    page.result = split + ": " + plural(metrics.questions, "question") + ", hits@1 " + percent(metrics.hits_at_1) +
                  ", hits@10 " + percent(metrics.hits_at_10) + ", MRR " + percent(metrics.mean_reciprocal_rank);
    page.sections = tasks_section(evaluation.tasks) + support_section(evaluation.support) +
                    examples_section(choose_examples(sources, split, evaluation, values["examples"].as<Index>())) +
                    vectors_section(*sources.front().model);
    return page;
}

}  // namespace kvmem::apps
