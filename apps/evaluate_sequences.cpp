// kvmem evaluate: how good the targets of a model of pairs are, and how well a text model expects a text.
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/sequences/dataset.hpp"
#include "kvmem/tasks/sequences/objective.hpp"
#include "sequence_evaluation.hpp"
#include "sequence_memory.hpp"
#include "split_name.hpp"
#include "task_table.hpp"
#include "task_verbs.hpp"

#include <boost/json.hpp>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <map>
#include <numbers>
#include <utility>

namespace kvmem::apps {

namespace json = boost::json;

namespace {

struct Scores {
    Bleu bleu;
    Chrf chrf;
    double perplexity;
};

}  // namespace

// "13a" for texts, "none" for targets that are words already, or as the option says.
static BleuTokens bleu_tokens_of(const po::variables_map& values, const Units& targets) {
    if (!values.count("tokenize")) return targets.kind() == UnitKind::words ? BleuTokens::none : BleuTokens::v13a;
    const std::string name = values["tokenize"].as<std::string>();
    require_option(name == "none" || name == "13a", "tokenize", "none or 13a");
    return name == "none" ? BleuTokens::none : BleuTokens::v13a;
}

// The means over tasks of exact matches and of symbol errors.
static std::pair<double, double> macro_mean(const std::map<std::string, MatchReport>& tasks) {
    double exact = 0, errors = 0;
    for (const auto& [name, report] : tasks) exact += report.exact(), errors += report.symbol_error();
    const auto count = static_cast<double>(tasks.size());
    return {exact / count, errors / count};
}

static json::object to_json(const MatchReport& report) {
    return {{"lines", report.lines}, {"exact", report.exact()}, {"symbol_error_rate", report.symbol_error()}};
}

static json::array to_json(const std::vector<MemoryTrial>& trials) {
    json::array all;
    for (const MemoryTrial& trial : trials)
        all.push_back(json::object{{"neighbours", trial.options.neighbours},
                                   {"mix", trial.options.mix},
                                   {"memory_temperature", trial.options.memory_temperature},
                                   {"exact", trial.exact},
                                   {"perplexity", trial.perplexity}});
    return all;
}

static json::object to_json(const TestLines& lines, const PairsEvaluation& e, const Scores& scores, Index count,
                            const std::vector<MemoryTrial>& trials) {
    json::object object = to_json(e.report);
    object["split"] = lines.name;
    object["bleu"] = json::object{{"score", scores.bleu.score}, {"signature", scores.bleu.signature}};
    object["chrf2"] = json::object{{"score", scores.chrf.score}, {"signature", scores.chrf.signature}};
    object["perplexity"] = scores.perplexity;
    json::array lengths, wrong, origins;
    for (std::size_t head = 0; head < e.origins.found.size(); ++head) origins.emplace_back(e.origins.share(head));
    if (!origins.empty()) {
        object["origin_read_most"] = std::move(origins);  // by head
        object["heads"] = json::value_from(e.heads);
    }
    for (const LengthBucket& bucket : by_length(e.matches, e.lengths)) {
        json::object row = to_json(bucket.report);
        row["min"] = bucket.min;
        row["max"] = bucket.max;
        lengths.push_back(std::move(row));
    }
    for (const Index line : worst(e.matches, count)) {
        const auto at = static_cast<std::size_t>(line);
        wrong.push_back(json::object{{"source", lines.texts[at]},
                                     {"output", e.outputs[at]},
                                     {"references", json::value_from(lines.references[at])},
                                     {"edits", e.matches[at].edits}});
    }
    if (const auto tasks = by_task(lines, e); !tasks.empty()) {
        json::array rows;
        for (const auto& [name, report] : tasks) {
            json::object row = to_json(report);
            row["name"] = name;
            rows.push_back(std::move(row));
        }
        object["tasks"] = std::move(rows);
        const auto [exact, errors] = macro_mean(tasks);
        object["macro_mean"] = json::object{{"exact", exact}, {"symbol_error_rate", errors}};
    }
    if (!trials.empty()) object["memory_trials"] = to_json(trials);
    object["by_length"] = std::move(lengths);
    object["worst"] = std::move(wrong);
    return object;
}

static void print_task(const std::string& name, const std::string& lines, double exact, double errors) {
    std::cout << "  " << std::left << std::setw(12) << printable(name) << std::right << std::setw(9) << lines
              << std::setw(9) << percent(exact) << std::setw(9) << percent(1 - exact) << std::setw(12)
              << percent(errors) << "\n";
}

static void print(const std::map<std::string, MatchReport>& tasks) {
    if (tasks.empty()) return;
    std::cout << "by task: lines, exact, wrong, symbol errors\n";
    for (const auto& [name, report] : tasks)
        print_task(name, std::to_string(report.lines), report.exact(), report.symbol_error());
    const auto [exact, errors] = macro_mean(tasks);
    print_task("macro mean", "", exact, errors);
}

static void print(const TestLines& lines, const PairsEvaluation& e, const Scores& scores, Index count) {
    std::cout << printable(lines.name) << ": " << plural(e.report.lines, "source") << "\n";
    print_row("exact", percent(e.report.exact()));
    print_row("wrong", percent(1 - e.report.exact()));
    print_row("symbol errors", percent(e.report.symbol_error()));
    print_row("BLEU", scores.bleu.text());
    print_row("", scores.bleu.signature);
    print_row("chrF2", formatted("%.2f", scores.chrf.score));
    print_row("", scores.chrf.signature);
    print_row("perplexity of the first reference", formatted("%.4f", scores.perplexity));
    for (std::size_t head = 0; head < e.origins.found.size(); ++head)
        print_row("read most where it came from, " + e.heads[head],
                  percent(e.origins.share(head)) + " of " + plural(e.origins.symbols, "symbol") + " of right outputs");
    print(by_task(lines, e));
    std::cout << "by length of the source: lines, exact, symbol errors\n";
    for (const LengthBucket& bucket : by_length(e.matches, e.lengths))
        std::cout << "  " << std::left << std::setw(12)
                  << std::to_string(bucket.min) + (bucket.max > bucket.min ? "-" + std::to_string(bucket.max) : "")
                  << std::right << std::setw(9) << bucket.report.lines << std::setw(9) << percent(bucket.report.exact())
                  << std::setw(12) << percent(bucket.report.symbol_error()) << "\n";
    const std::vector<Index> wrong = worst(e.matches, count);
    if (!wrong.empty()) std::cout << "the worst: edits of the nearest reference's symbols\n";
    for (const Index line : wrong) std::cout << "  " << printable(error_text(lines, e, line)) << "\n";
}

// The best of the trials, and the model alone.
static void print(const std::vector<MemoryTrial>& trials) {
    constexpr std::size_t shown = 5;
    std::cout << "options of the memory, tried: exact, perplexity of all references\n";
    for (std::size_t i = 0; i < trials.size(); ++i) {
        const MemoryTrial& trial = trials[i];
        if (i >= shown && trial.options.mix > 0) continue;
        const std::string name = "--neighbours " + std::to_string(trial.options.neighbours) + " --mix " +
                                 formatted("%g", trial.options.mix) +
                                 formatted(" --memory-temperature %g", trial.options.memory_temperature);
        print_row(trial.options.mix > 0 ? name : "without it",
                  percent(trial.exact) + formatted("  %.4f", trial.perplexity));
    }
}

// Tries options of the memory and goes on with the best.
static std::vector<MemoryTrial> tune(SequenceSource& source, const TestLines& lines, bool as_json) {
    require_option(source.memory() != nullptr, "tune", "--memory beside it");
    std::vector<MemoryTrial> trials = tried_memory(source, lines);
    source.set_memory(trials.front().options);
    if (!as_json) print(trials);
    return trials;
}

int evaluate_pairs(const po::variables_map& values) {
    std::vector<TaskSource> sources = open_task_models(values);
    require_option(!values.count("tune") || sources.size() == 1, "tune", "a run of one model");
    const BleuTokens tokens = bleu_tokens_of(values, sources[0].source.first().target_units());
    TestLines lines;
    PairsEvaluation e;
    std::vector<MemoryTrial> trials;
    for (auto& [source, tasks] : sources) {
        const TestLines own = test_lines(values, source.first(), tasks);
        if (values.count("tune")) trials = tune(source, own, values.count("json") > 0);
        e.add(evaluate_lines(source, own, search_options(values), false));
        lines.add(own);
    }
    const Scores scores{bleu(e.outputs, lines.references, tokens), chrf(e.outputs, lines.references),
                        perplexity(e.log_probabilities.values)};
    // The speed goes to stderr, so that equal runs have equal output.
    std::cerr << short_number(static_cast<double>(e.report.lines) / std::max(e.seconds, 1e-9)) << " lines/s\n";
    const Index count = values["worst"].as<Index>();
    if (values.count("json"))
        std::cout << json::serialize(to_json(lines, e, scores, count, trials)) << "\n";
    else
        print(lines, e, scores, count);
    return 0;
}

int evaluate_text(const po::variables_map& values) {
    const SequenceSource source = open_sequence_models(values, true);
    const auto& network = dynamic_cast<const TextNetwork&>(source.first());
    const std::string data = data_of_run(values);
    const TextDataset dataset = load_text(data);
    const std::string name = split_there(values, dataset.splits);
    if (!(dataset.units == network.target_units()))
        throw Error({.what = "the data set has other symbols than the model", .where = data});
    const Ragged<Token>& documents = dataset.split(name);
    const bool remembers = source.memory() != nullptr;
    const double nats =
        remembers ? nats_of_pieces(source, source.model(), documents) : cross_entropy_of(network, documents);
    const double without = remembers ? nats_of_pieces(source, source.base_model(), documents) : nats;
    const Index symbols = std::ssize(documents.values) + documents.size();
    if (values.count("json")) {
        json::object all{{"split", name}, {"documents", documents.size()},    {"symbols", symbols},
                         {"nats", nats},  {"bits", nats / std::numbers::ln2}, {"perplexity", std::exp(nats)}};
        if (remembers) all["nats_without_memory"] = without;
        std::cout << json::serialize(all) << "\n";
        return 0;
    }
    std::cout << name << ": " << plural(documents.size(), "document") << ", " << plural(symbols, "symbol")
              << " with their ends\n";
    print_row("cross-entropy of a symbol",
              formatted("%.4f nats", nats) + formatted(", %.4f bits", nats / std::numbers::ln2));
    print_row("perplexity", formatted("%.4f", std::exp(nats)));
    if (remembers) print_row("without the memory", formatted("%.4f nats", without));
    return 0;
}

}  // namespace kvmem::apps
