#include "plot_page.hpp"

#include <algorithm>

namespace kvmem::apps {

// The style sheet, with colours for light and dark pages. Charts refer to its classes.
static const char* const style = R"(
:root { color-scheme: light dark; --page: #ffffff; --text: #1b1d21; --soft: #5f656e; --grid: #e2e4e8;
  --first: #1f5fbf; --second: #b3530f; --good: #1d6f3a; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --page: #15171b; --text: #e7e9ec; --soft: #a3a9b3; --grid: #343941;
  --first: #79aeff; --second: #ffa565; --good: #7fd695; --bad: #ff8f85; } }
body { background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; max-width: 72rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; } h3 { font-size: 1rem; margin: 1.5rem 0 0; }
p { margin: 0.3rem 0 0.8rem; max-width: 60rem; } .soft { color: var(--soft); fill: var(--soft); }
.good { color: var(--good); } .wrong { color: var(--bad); }
.chart { overflow-x: auto; } svg { font: 12px system-ui, sans-serif; display: block; }
.label { fill: var(--text); } .label.first { fill: var(--first); } .label.second { fill: var(--second); }
.value { paint-order: stroke; stroke: var(--page); stroke-width: 3px; }
.label.support { fill: var(--good); font-weight: 600; }
.grid { stroke: var(--grid); } .axis { stroke: var(--soft); } .mark { stroke: var(--soft); stroke-dasharray: 4 3; }
.curve { fill: none; stroke-width: 2; } .faint { stroke-width: 1; stroke-opacity: 0.55; }
.curve.first { stroke: var(--first); } .curve.second { stroke: var(--second); }
.dot { fill-opacity: 0; } .dot:hover { fill-opacity: 1; } .dot.first { fill: var(--first); }
.dot.second { fill: var(--second); }
.bar { fill: var(--first); } .bar.bad { fill: var(--second); }
.cell { fill: var(--first); stroke: var(--grid); }
table { border-collapse: collapse; } td, th { padding: 0.15rem 1.2rem 0.15rem 0; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; } td.number, th.number { text-align: right; }
)";

static std::string tag(const std::string& name, const std::string& text, const std::string& kind = {}) {
    return "<" + name + (kind.empty() ? "" : " class=\"" + kind + "\"") + ">" + escaped(text) + "</" + name + ">";
}

static std::string chart(const std::string& picture) { return "<div class=\"chart\">" + picture + "</div>\n"; }

// Marks at the beginnings of phases after the first. Several runs have none, because their phases differ.
static std::vector<LineChart::Mark> phases_of(const std::vector<LearningCurve>& curves) {
    std::vector<LineChart::Mark> marks;
    if (curves.size() != 1) return marks;
    const auto& epochs = curves.front().epochs;
    for (std::size_t i = 1; i < epochs.size(); ++i)
        if (epochs[i].phase != epochs[i - 1].phase)
            marks.push_back({epochs[i - 1].number, "phase " + std::to_string(epochs[i].phase + 1)});
    return marks;
}

static std::string curves_section(const std::vector<LearningCurve>& curves) {
    LineChart loss{"epoch", "loss", {}, phases_of(curves)}, hits{"epoch", "validation hits@1, %", {}, loss.marks};
    const bool alone = curves.size() == 1;
    for (const LearningCurve& curve : curves) {
        LineChart::Curve train{alone ? "training" : curve.name + ", training", "first", {}};
        LineChart::Curve valid{alone ? "validation" : curve.name + ", validation", "second", {}};
        LineChart::Curve right{alone ? "hits@1" : curve.name, "first", {}};
        for (const LearningCurve::Epoch& epoch : curve.epochs) {
            train.points.emplace_back(epoch.number, epoch.loss);
            if (epoch.valid_loss) valid.points.emplace_back(epoch.number, *epoch.valid_loss);
            if (epoch.hits_at_1) right.points.emplace_back(epoch.number, 100 * *epoch.hits_at_1);
        }
        loss.curves.push_back(std::move(train));
        if (!valid.points.empty()) loss.curves.push_back(std::move(valid));
        if (!right.points.empty()) hits.curves.push_back(std::move(right));
    }
    std::string text = tag("h2", "Learning curves");
    if (curves.empty()) return text + tag("p", "No metrics.jsonl is here.", "soft");
    if (!alone)
        text +=
            tag("p", plural(std::ssize(curves), "run") + "; blue is training, orange validation. The name of a run " +
                         "shows where the pointer is on its curve.");
    return text + chart(svg(loss)) + (hits.curves.empty() ? "" : chart(svg(hits)));
}

static std::string tasks_section(const PlotPage& page) {
    const std::vector<TaskReport>& tasks = page.evaluation.tasks;
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

std::string html(const PlotPage& page) {
    const Metrics& metrics = page.evaluation.metrics;
    std::string settings;
    for (const auto& [name, value] : page.settings)
        settings += "<tr>" + tag("td", name, "soft") + tag("td", value) + "</tr>\n";
    return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>" +
           tag("title", page.title) + "<style>" + style + "</style></head>\n<body>" + tag("h1", page.title) +
           tag("p", page.summary) +
           tag("p", page.split + ": " + plural(metrics.questions, "question") + ", hits@1 " +
                        percent(metrics.hits_at_1) + ", hits@10 " + percent(metrics.hits_at_10) + ", MRR " +
                        percent(metrics.mean_reciprocal_rank)) +
           "\n" + curves_section(page.curves) + tasks_section(page) + support_section(page.evaluation.support) +
           examples_section(page.examples) + tag("h2", "Settings") + "<table>" + settings +
           "</table>\n</body></html>\n";
}

}  // namespace kvmem::apps
