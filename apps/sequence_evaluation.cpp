#include "sequence_evaluation.hpp"

#include "kvmem/core/file.hpp"
#include "kvmem/tasks/sequences/dataset.hpp"
#include "kvmem/tasks/sequences/import.hpp"
#include "kvmem/tasks/sequences/tasks.hpp"
#include "kvmem/train/session.hpp"
#include "split_name.hpp"
#include "task_table.hpp"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <iterator>

namespace kvmem::apps {

namespace fs = std::filesystem;

// The lines of text files. A source that is empty or too long is an error.
static TestLines lines_of_files(const std::vector<std::string>& files, const SequenceNetwork& network,
                                std::span<const std::string> tasks) {
    TestLines lines{.name = joined(files)};
    for (auto& [source, references] : read_references({files.begin(), files.end()})) {
        const std::string task = task_of(network.source_units().encode(source), network.source_units());
        if (!tasks.empty() && std::ranges::find(tasks, task) == tasks.end()) continue;
        lines.tasks.push_back(task);
        lines.source.push_row(network.source_units().encode(source));
        lines.target.push_row(network.target_units().encode(references.front()));
        lines.texts.push_back(std::move(source));
        lines.references.push_back(std::move(references));
    }
    return lines;
}

static TestLines lines_of_split(const PairsDataset& data, const std::string& name, const SequenceNetwork& network,
                                const std::string& where) {
    if (!(data.source == network.source_units()) || !(data.target == network.target_units()))
        throw Error({.what = "the data set has other symbols than the model",
                     .expected = "the one trained on, or one made with its symbols",
                     .where = where,
                     .hint = "--pairs reads text files"});
    const PairSplit& split = data.split(name);
    TestLines lines{.name = name, .source = split.source};
    for (Index i = 0; i < split.size(); ++i) {
        const auto [first, last] = split.references_of(i);
        lines.target.push_row(split.target[first]);
        lines.texts.push_back(data.source.decode(split.source[i]));
        lines.tasks.push_back(task_of(split.source[i], data.source));
        std::vector<std::string>& references = lines.references.emplace_back();
        for (Index row = first; row < last; ++row) references.push_back(reference_text(data.target, split.target[row]));
        for (Index t = 0; !split.alignment.empty() && t < std::ssize(split.target[first]); ++t)
            lines.origins.push_row(split.origins(first, t));
    }
    return lines;
}

TestLines test_lines(const po::variables_map& values, const SequenceNetwork& network,
                     std::span<const std::string> tasks) {
    TestLines lines;
    if (values.count("pairs")) {
        lines = lines_of_files(values["pairs"].as<std::vector<std::string>>(), network, tasks);
    } else {
        const std::string data = data_of_run(values);
        PairsDataset dataset = load_pairs(data);
        keep_tasks(dataset, tasks);
        lines = lines_of_split(dataset, split_there(values, dataset.splits), network, data);
    }
    if (lines.texts.empty())
        throw Error({.what = "nothing to measure", .expected = "pairs", .got = "none", .where = lines.name});
    return lines;
}

static void add_rows(const auto& more, auto& rows) {
    for (Index i = 0; i < more.size(); ++i) rows.push_row(more[i]);
}
static void add_all(auto more, auto& all) {
    all.insert(all.end(), std::move_iterator(more.begin()), std::move_iterator(more.end()));
}

void TestLines::add(const TestLines& more) {
    name = more.name;
    add_rows(more.source, source), add_rows(more.target, target), add_rows(more.origins, origins);
    add_all(more.texts, texts), add_all(more.references, references), add_all(more.tasks, tasks);
}

void PairsEvaluation::add(PairsEvaluation more) {
    add_all(std::move(more.results), results), add_all(std::move(more.outputs), outputs);
    add_all(more.lengths, lengths), add_all(more.matches, matches);
    for (const Match& match : more.matches) report.add(match);
    if (heads.empty()) heads = std::move(more.heads);
    origins.symbols += more.origins.symbols;
    origins.found.resize(std::max(origins.found.size(), more.origins.found.size()));
    for (std::size_t head = 0; head < more.origins.found.size(); ++head)
        origins.found[head] += more.origins.found[head];
    add_rows(more.log_probabilities, log_probabilities);
    seconds += more.seconds;
}

std::map<std::string, MatchReport> by_task(const TestLines& lines, const PairsEvaluation& evaluation) {
    std::map<std::string, MatchReport> tasks;
    for (std::size_t i = 0; i < lines.tasks.size(); ++i)
        if (!lines.tasks[i].empty()) tasks[lines.tasks[i]].add(evaluation.matches[i]);
    return tasks;
}

double OriginReport::share(std::size_t head) const {
    return static_cast<double>(found[head]) / static_cast<double>(std::max<Index>(symbols, 1));
}

static void add(OriginReport& report, const TestLines& lines, Index line, const Generated& result) {
    const auto target = lines.target[line];
    if (lines.origins.empty() || result.heads == 0 || !std::ranges::equal(result.tokens, target)) return;
    report.found.resize(static_cast<std::size_t>(result.heads));
    std::vector<std::vector<Index>> read;
    for (Index head = 0; head < result.heads; ++head) read.push_back(alignment_of(result, head));
    for (std::size_t t = 0; t < target.size(); ++t) {
        const auto origins =
            lines.origins[lines.target.offsets[static_cast<std::size_t>(line)] + static_cast<Index>(t)];
        if (origins.empty()) continue;
        ++report.symbols;
        for (std::size_t head = 0; head < read.size(); ++head)
            report.found[head] += std::ranges::count(origins, read[head][t]);
    }
}

PairsEvaluation evaluate_lines(const SequenceSource& source, const TestLines& lines, const GenerateOptions& options,
                               bool weights) {
    PairsEvaluation all;
    Progress progress;
    const auto begin = std::chrono::steady_clock::now();
    auto results = generate(source.model(), lines.source, options,
                            {.weights = weights || !lines.origins.empty(), .progress = [&](Index done) {
                                 if (progress.due())
                                     progress.show(std::to_string(done) + " of " + plural(lines.source.size(), "line"));
                             }});
    all.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const bool words = source.first().target_units().kind() == UnitKind::words;
    const auto symbols = [&](const std::string& text) { return words ? words_of(text) : characters_of(text); };
    for (std::size_t i = 0; i < results.size(); ++i) {
        all.results.push_back(std::move(results[i].front()));
        all.outputs.push_back(source.text_of(all.results.back()));
        std::vector<Symbols> references;
        for (const std::string& text : lines.references[i]) references.push_back(symbols(text));
        all.matches.push_back(match(symbols(all.outputs.back()), references));
        all.lengths.push_back(std::ssize(lines.source[static_cast<Index>(i)]));
        all.report.add(all.matches.back());
        add(all.origins, lines, static_cast<Index>(i), all.results.back());
    }
    all.heads = source.head_names();
    all.log_probabilities = score(source.model(), lines.source, lines.target, options.batch);
    return all;
}

std::string error_text(const TestLines& lines, const PairsEvaluation& evaluation, Index line) {
    const auto at = static_cast<std::size_t>(line);
    const Match& match = evaluation.matches[at];
    return "(" + std::to_string(match.edits) + " of " + std::to_string(match.length) + ") " + lines.texts[at] + " -> " +
           evaluation.outputs[at] + ", expected " + lines.references[at][static_cast<std::size_t>(match.reference)];
}

}  // namespace kvmem::apps
