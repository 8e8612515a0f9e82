#include "plot_page.hpp"

#include "program.hpp"
#include "svg.hpp"

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
.point { fill-opacity: 0.7; } .point.first { fill: var(--first); } .point.second { fill: var(--second); }
.cell { fill: var(--first); stroke: var(--grid); }
table { border-collapse: collapse; } td, th { padding: 0.15rem 1.2rem 0.15rem 0; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; } td.number, th.number { text-align: right; }
)";

std::string tag(const std::string& name, const std::string& text, const std::string& kind) {
    return "<" + name + (kind.empty() ? "" : " class=\"" + kind + "\"") + ">" + escaped(text) + "</" + name + ">";
}

std::string chart(const std::string& picture) { return "<div class=\"chart\">" + picture + "</div>\n"; }

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

static std::string curves_section(const std::vector<LearningCurve>& curves, const ScoreType& score) {
    LineChart loss{"epoch", "loss", {}, phases_of(curves)},
        hits{"epoch", "validation " + score.label + (score.is_share ? ", %" : ""), {}, loss.marks};
    const bool alone = curves.size() == 1;
    for (const LearningCurve& curve : curves) {
        LineChart::Curve train{alone ? "training" : curve.name + ", training", "first", {}};
        LineChart::Curve valid{alone ? "validation" : curve.name + ", validation", "second", {}};
        LineChart::Curve right{alone ? score.label : curve.name, "first", {}};
        for (const LearningCurve::Epoch& epoch : curve.epochs) {
            train.points.emplace_back(epoch.number, epoch.loss);
            if (epoch.valid_loss) valid.points.emplace_back(epoch.number, *epoch.valid_loss);
            if (epoch.score) right.points.emplace_back(epoch.number, (score.is_share ? 100 : 1) * *epoch.score);
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

std::string html(const std::string& title, const std::string& sections) {
    return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>" +
           tag("title", title) + "<style>" + style + "</style></head>\n<body>" + tag("h1", title) + sections +
           "</body></html>\n";
}

std::string html(const PlotPage& page) {
    std::string settings;
    for (const auto& [name, value] : page.settings)
        settings += "<tr>" + tag("td", name, "soft") + tag("td", value) + "</tr>\n";
    return html(page.title, tag("p", page.summary) + tag("p", page.result) + "\n" +
                                curves_section(page.curves, page.score) + page.sections + tag("h2", "Settings") +
                                "<table>" + settings + "</table>\n");
}

}  // namespace kvmem::apps
