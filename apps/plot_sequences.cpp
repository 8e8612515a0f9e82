// kvmem plot: a page of a run on pairs of sequences or on texts.
#include "kvmem/tasks/sequences/dataset.hpp"
#include "kvmem/tasks/sequences/objective.hpp"
#include "plot_run.hpp"
#include "sequence_evaluation.hpp"
#include "sequence_picture.hpp"
#include "task_table.hpp"
#include "task_verbs.hpp"

namespace kvmem::apps {

namespace fs = std::filesystem;

static PlotPage page_of(const SequenceNetwork& network, const fs::path& run) {
    return described_page(run, network.name(), network.summary(), network.settings());
}

static std::string lengths_section(const PairsEvaluation& e) {
    BarChart bars;
    bars.x_label = "wrong lines, %, by the number of source symbols";
    for (const LengthBucket& bucket : by_length(e.matches, e.lengths)) {
        const std::string name = std::to_string(bucket.min) + " to " + std::to_string(bucket.max);
        const double error = 1 - bucket.report.exact();
        bars.bars.push_back({name, error, false,
                             name + ": " + percent(error) + " of " + plural(bucket.report.lines, "line") + " wrong, " +
                                 percent(bucket.report.symbol_error()) + " of symbols"});
    }
    return tag("h2", "Errors by length") + chart(svg(bars));
}

// How often each head reads most what the generator of the data made a symbol of.
static std::string origins_section(const PairsEvaluation& e) {
    if (e.origins.symbols == 0) return {};
    BarChart bars;
    bars.x_label = "symbols of right outputs that a head reads most where they came from, %";
    for (std::size_t head = 0; head < e.origins.found.size(); ++head) {
        const double share = e.origins.share(head);
        bars.bars.push_back({e.heads[head], share, false,
                             e.heads[head] + ": " + percent(share) + " of " + plural(e.origins.symbols, "symbol")});
    }
    return tag("h2", "Alignment of heads") + chart(svg(bars));
}

// What a line's source and output read of themselves.
static std::string self_section(const SequenceNetwork& network, std::span<const Token> source,
                                std::span<const Token> target) {
    std::string text;
    for (const bool of_source : {true, false}) {
        const HeatMap map = self_map(network, source, target, of_source);
        if (map.groups.empty()) continue;
        text += tag("p", of_source ? "The source, read by itself:" : "The output, read by itself:") + chart(svg(map));
    }
    return text;
}

// The first half of the examples are the first right lines, the others the first wrong ones, as far as they suffice.
static std::vector<Index> chosen(const PairsEvaluation& e, Index count) {
    std::vector<Index> right, wrong;
    for (Index i = 0; i < std::ssize(e.matches); ++i) (e.matches[i].edits == 0 ? right : wrong).push_back(i);
    const auto all = static_cast<std::size_t>(count);
    right.resize(std::min(right.size(), std::max(all / 2 + all % 2, all - std::min(all, wrong.size()))));
    wrong.resize(std::min(wrong.size(), all - right.size()));
    right.insert(right.end(), wrong.begin(), wrong.end());
    return right;
}

static std::string examples_section(const SequenceNetwork& network, const TestLines& lines, const PairsEvaluation& e,
                                    Index count) {
    const std::vector<Index> examples = chosen(e, count);
    if (examples.empty()) return {};
    std::string text = tag("h2", "What was read") +
                       tag("p",
                           "Each row is a symbol of the output, each column a symbol of the source; the stronger "
                           "its colour, the more of it was read (the number is in the tooltip). First lines "
                           "that are right, then lines that are wrong, the first of each.");
    for (const Index line : examples) {
        const auto at = static_cast<std::size_t>(line);
        const bool right = e.matches[at].edits == 0;
        text += tag("h3", lines.texts[at]) + "<p>" + tag("b", right ? "right" : "wrong", right ? "good" : "wrong") +
                escaped(", output ") + tag("b", e.outputs[at]);
        if (!right) text += ", expected " + tag("b", joined(lines.references[at], " or "));
        text += "</p>\n";
        if (e.results[at].heads == 0 || e.results[at].tokens.empty()) continue;
        text +=
            chart(svg(heat_map({symbols_of(network.source_units(), lines.source[line]),
                                symbols_of(network.target_units(), e.results[at].tokens), e.results[at], e.heads})));
        text += self_section(network, lines.source[line], e.results[at].tokens);
    }
    return text;
}

PlotPage plot_pairs(const po::variables_map& values) {
    const SequenceSource source = open_sequence_models(values);
    const TestLines lines = test_lines(values, source.first());
    PlotPage page = page_of(source.first(), values["run"].as<std::string>());
    const PairsEvaluation e = evaluate_lines(source, lines, {}, true);
    page.result = lines.name + ": " + plural(e.report.lines, "source") + ", exact " + percent(e.report.exact()) +
                  ", symbol errors " + percent(e.report.symbol_error()) + ", greedy search";
    page.sections = lengths_section(e) + origins_section(e) +
                    examples_section(source.first(), lines, e, values["examples"].as<Index>());
    return page;
}

PlotPage plot_text(const po::variables_map& values) {
    const SequenceSource source = open_sequence_models(values, true);
    PlotPage page = page_of(source.first(), values["run"].as<std::string>());
    const std::string split = values["split"].as<std::string>();
    const TextDataset dataset = load_text(data_of_run(values));
    const double nats = cross_entropy_of(dynamic_cast<const TextNetwork&>(source.first()), dataset.split(split));
    page.result = split + ": " + formatted("%.4f", nats) + " nats a symbol";
    return page;
}

}  // namespace kvmem::apps
