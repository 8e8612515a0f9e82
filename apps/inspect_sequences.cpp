// kvmem inspect of data sets and models of sequences.
#include "inspection.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/sequences/dataset.hpp"
#include "kvmem/tasks/sequences/model_file.hpp"
#include "kvmem/train/config.hpp"
#include "task_verbs.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <iostream>
#include <set>
#include <unordered_set>

namespace kvmem::apps {

namespace json = boost::json;

namespace {

// The lengths of sequences and what they lack, in numbers.
struct RowsReport {
    Index rows = 0, tokens = 0, unknown = 0, min = 0, max = 0;
    Index longest = 0;  // the first of the longest rows

    explicit RowsReport(const Ragged<Token>& sequences)
        : rows(sequences.size()), tokens(static_cast<Index>(sequences.values.size())) {
        unknown = std::ranges::count(sequences.values, unknown_token);
        for (Index i = 0; i < rows; ++i) {
            const auto length = static_cast<Index>(sequences[i].size());
            min = i == 0 ? length : std::min(min, length);
            if (length > max) max = length, longest = i;
        }
    }
    double mean() const { return static_cast<double>(tokens) / static_cast<double>(std::max<Index>(rows, 1)); }
};

struct PairsReport {
    RowsReport source, target;
    Index references = 0;  // of the source that has the most
    Index leaked = 0;      // sources that train has as well
    Index aligned = 0;     // tokens of targets of which it is known where they came from
};

}  // namespace

static const char* kind_of(const Units& units) { return choices(units.kind())[static_cast<std::size_t>(units.kind())]; }

// The bytes of a row.
static std::string_view bytes_of(std::span<const Token> row) {
    return {reinterpret_cast<const char*>(row.data()), row.size_bytes()};
}

static std::unordered_set<std::string_view> rows_of(const Ragged<Token>& sequences) {
    std::unordered_set<std::string_view> rows;
    for (Index i = 0; i < sequences.size(); ++i) rows.insert(bytes_of(sequences[i]));
    return rows;
}

static PairsReport report_of(const PairSplit& split, const std::unordered_set<std::string_view>& train) {
    PairsReport report{RowsReport(split.source), RowsReport(split.target)};
    for (Index i = 0; i < split.size(); ++i) {
        const auto [first, last] = split.references_of(i);
        report.references = std::max(report.references, last - first);
        report.leaked += train.contains(bytes_of(split.source[i]));
    }
    for (Index token = 0; token < split.alignment.size(); ++token) report.aligned += !split.alignment[token].empty();
    return report;
}

static std::string share_of_tokens(Index part, Index whole) {
    return plural(part, "token") + " (" +
           percent(static_cast<double>(part) / static_cast<double>(std::max<Index>(whole, 1))) + ")";
}

// The beginning of a text, up to a number of bytes.
static std::string within_bytes(const std::string& text, std::size_t bytes) {
    if (text.size() <= bytes) return text;
    std::size_t end = bytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0u) == 0x80u) --end;
    return text.substr(0, end) + "...";
}

static void print_rows(const std::string& what, const RowsReport& report) {
    print_row("length of " + what, std::to_string(report.min) + " to " + std::to_string(report.max) + ", " +
                                       formatted("%.1f", report.mean()) + " on average");
    print_row("unknown in " + what, share_of_tokens(report.unknown, report.tokens));
}

static std::string pair_text(const PairsDataset& dataset, const PairSplit& split, Index i) {
    std::string text = within_bytes(dataset.source.decode(split.source[i]), 200) + " -> ";
    const auto [first, last] = split.references_of(i);
    for (Index target = first; target < std::min(last, first + 5); ++target)
        text += (target == first ? "" : " | ") + within_bytes(dataset.target.decode(split.target[target]), 200);
    return text + (last > first + 5 ? " | ..." : "");
}

// The first, the middle and the last of some rows.
static std::set<Index> examples_of(Index rows) {
    return rows == 0 ? std::set<Index>{} : std::set<Index>{0, rows / 2, rows - 1};
}

static void print_pairs(const PairsDataset& dataset, const std::string& name, const PairsReport& report) {
    const PairSplit& split = dataset.split(name);
    std::cout << name << ": " << plural(report.source.rows, "source") << ", " << plural(report.target.rows, "target")
              << "\n";
    print_rows("sources", report.source);
    print_rows("targets", report.target);
    if (report.references > 1) print_row("targets of a source, at most", std::to_string(report.references));
    if (name != "train") print_row("sources that train has as well", std::to_string(report.leaked));
    if (!split.alignment.empty())
        print_row("tokens with a known origin", share_of_tokens(report.aligned, report.target.tokens));
    if (split.size() > 0)
        print_row("longest source", within_bytes(dataset.source.decode(split.source[report.source.longest]), 200));
    for (const Index i : examples_of(split.size()))
        print_row("example " + std::to_string(i + 1), pair_text(dataset, split, i));
}

static json::object units_json(const Units& units) { return {{"kind", kind_of(units)}, {"tokens", units.size()}}; }

static json::object rows_json(const RowsReport& r) {
    return {{"rows", r.rows}, {"tokens", r.tokens}, {"unknown", r.unknown},
            {"min", r.min},   {"max", r.max},       {"mean", r.mean()}};
}

void inspect_pairs(const std::filesystem::path& path, const po::variables_map& values) {
    const PairsDataset dataset = load_pairs(path);
    std::unordered_set<std::string_view> seen;
    if (dataset.splits.contains("train")) seen = rows_of(dataset.split("train").source);
    json::object splits;
    if (!values.count("json")) {
        print_info(dataset.info);
        std::cout << "sources: " << kind_of(dataset.source) << ", " << plural(dataset.source.size(), "token")
                  << "; targets: " << kind_of(dataset.target) << ", " << plural(dataset.target.size(), "token") << "\n";
    }
    for (const auto& [name, split] : dataset.splits) {
        const PairsReport report = report_of(split, seen);
        splits[name] = json::object{{"source", rows_json(report.source)},
                                    {"target", rows_json(report.target)},
                                    {"max_references", report.references},
                                    {"leaked", report.leaked},
                                    {"aligned", report.aligned}};
        if (!values.count("json")) print_pairs(dataset, name, report);
    }
    if (!values.count("json")) return;
    json::object all = info_json("kvmem-pairs", dataset.info);
    all["source_units"] = units_json(dataset.source);
    all["target_units"] = units_json(dataset.target);
    all["splits"] = std::move(splits);
    std::cout << json::serialize(all) << "\n";
}

static void print_text(const TextDataset& dataset, const std::string& name, const RowsReport& report) {
    const Ragged<Token>& documents = dataset.split(name);
    std::cout << name << ": " << plural(report.rows, "document") << ", " << plural(report.tokens, "token") << "\n";
    print_rows("documents", report);
    for (const Index i : examples_of(documents.size())) {
        const auto beginning = documents[i].first(std::min<std::size_t>(documents[i].size(), 200));
        print_row("example " + std::to_string(i + 1), within_bytes(dataset.units.decode(beginning), 100));
    }
}

void inspect_text(const std::filesystem::path& path, const po::variables_map& values) {
    const TextDataset dataset = load_text(path);
    json::object all = info_json("kvmem-text", dataset.info), splits;
    for (const auto& [name, documents] : dataset.splits) splits[name] = rows_json(RowsReport(documents));
    all["units"] = units_json(dataset.units);
    all["splits"] = std::move(splits);
    if (values.count("json")) {
        std::cout << json::serialize(all) << "\n";
        return;
    }
    print_info(dataset.info);
    std::cout << "units: " << kind_of(dataset.units) << ", " << plural(dataset.units.size(), "token") << "\n";
    for (const auto& [name, documents] : dataset.splits) print_text(dataset, name, RowsReport(documents));
}

static std::string text_of(const Units& units) { return plural(units.size(), "token") + ", " + kind_of(units); }

void inspect_network(const std::filesystem::path& path, bool as_json) {
    const std::unique_ptr<SequenceNetwork> network = load_sequence_network(path);
    const Units &source = network->source_units(), &target = network->target_units();
    print({.name = network->name(),
           .settings = network->settings(),
           .parameters = network->parameters(),
           .rows = {{"symbols of sources", text_of(source)}, {"symbols of targets", text_of(target)}},
           .members = {{"source_units", units_json(source)}, {"target_units", units_json(target)}}},
          as_json);
}

}  // namespace kvmem::apps
