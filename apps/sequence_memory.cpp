#include "sequence_memory.hpp"

#include "kvmem/core/file.hpp"
#include "kvmem/io/file_format.hpp"
#include "kvmem/tasks/sequences/dataset.hpp"
#include "kvmem/tasks/sequences/import.hpp"
#include "kvmem/tasks/sequences/task_type.hpp"
#include "output.hpp"
#include "sequence_evaluation.hpp"
#include "store_text.hpp"
#include "task_table.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace kvmem::apps {

static std::string symbol_or_end(const Units& units, Token token) {
    return token == end_token ? "(end)" : symbol_text(units, token);
}

namespace {

// Targets with their sources, and the texts of their slots.
struct Lines {
    Ragged<Token> source{}, target{};
    std::vector<std::string> texts{};
    std::vector<Index> first{};  // of each target, the first token that has a slot; none: 0
    std::vector<bool> ends{};    // whether it has one for its end; none: true

    std::optional<std::string> text(Index i, Index t) const {
        const auto at = static_cast<std::size_t>(i);
        const bool is_end = t == std::ssize(target[i]);
        if (is_end ? !ends.empty() && !ends[at] : target[i][t] == unknown_token) return {};
        if (!first.empty() && t < first[at]) return {};
        return texts[at];
    }
};

}  // namespace

static void add_pair(Lines& lines, const SequenceNetwork& network, const std::string& source,
                     const std::string& target) {
    lines.source.push_row(network.source_units().encode(source));
    lines.target.push_row(network.target_units().encode(target));
    lines.texts.push_back(source + " -> " + target);
}

static Lines pairs_of_data(const PairsDataset& data, const SequenceNetwork& network) {
    Lines lines;
    const PairSplit& split = data.split("train");
    for (Index i = 0; i < split.size(); ++i) {
        const auto [first, end] = split.references_of(i);
        for (Index row = first; row < end; ++row)
            add_pair(lines, network, data.source.decode(split.source[i]),
                     reference_text(data.target, split.target[row]));
    }
    return lines;
}

static Lines pairs_of_text(const std::string& path, const SequenceNetwork& network) {
    Lines lines;
    for (const auto& [source, references] : read_references({path}))
        for (const std::string& target : references) add_pair(lines, network, source, target);
    return lines;
}

// Pieces of a document. Each but the first begins with symbols of the one before, which are its context alone.
static void add_document(Lines& lines, const Units& units, std::span<const Token> document) {
    constexpr Index length = 256, context = 128, shown = 40;
    const Index size = std::ssize(document);
    for (Index at = 0; at < size; at += length) {
        const Index begin = std::max<Index>(0, at - context), end = std::min(size, at + length);
        lines.source.end_row();
        lines.target.push_row(document.subspan(begin, end - begin));
        lines.texts.push_back(units.decode(document.subspan(at, std::min(shown, end - at))));
        lines.first.push_back(at - begin);
        lines.ends.push_back(end == size);
    }
}

// The format of a file of kvmem, or "" for a text file.
static std::string format_of(const std::string& path) {
    const std::string format = format_of_file(path);
    return format.empty() && is_hdf5(path) ? "another program's HDF5" : format;
}

static Lines lines_of(const std::string& path, const SequenceSource& source) {
    const SequenceNetwork& network = source.first();
    const bool is_text = dynamic_cast<const TextNetwork*>(&network) != nullptr;
    const std::string format = format_of(path), expected = is_text ? "kvmem-text" : "kvmem-pairs";
    if (!format.empty() && format != expected)
        throw Error({.what = "not a memory for this model",
                     .expected = expected + ", kvmem-store or a text file",
                     .got = format,
                     .where = path});
    if (!is_text) return format.empty() ? pairs_of_text(path, network) : pairs_of_data(load_pairs(path), network);
    Lines lines;
    if (format.empty()) {
        add_document(lines, network.target_units(), network.target_units().encode(read_file(path)));
        return lines;
    }
    const TextDataset data = load_text(path);
    const Ragged<Token>& documents = data.split("train");
    for (Index i = 0; i < documents.size(); ++i)
        add_document(lines, network.target_units(),
                     network.target_units().encode(reference_text(data.units, documents[i])));
    return lines;
}

double nats_of_pieces(const SequenceSource& source, const SequenceModel& model, const Ragged<Token>& documents) {
    Lines lines;
    for (Index i = 0; i < documents.size(); ++i) add_document(lines, source.first().target_units(), documents[i]);
    const Ragged<double> scores = score(model, lines.source, lines.target);
    double sum = 0;
    Index symbols = 0;
    for (std::size_t i = 0; i < lines.ends.size(); ++i) {
        const auto piece = scores[static_cast<Index>(i)];
        const auto counted = piece.first(piece.size() - !lines.ends[i]).subspan(lines.first[i]);
        sum -= std::accumulate(counted.begin(), counted.end(), 0.0);
        symbols += std::ssize(counted);
    }
    return sum / static_cast<double>(std::max<Index>(symbols, 1));
}

void remember_file(store::MemoryStore& memory, const SequenceSource& source, const std::string& path) {
    const Lines lines = lines_of(path, source);
    Progress progress;
    remember(
        memory, source.base_model(), lines.source, lines.target, [&](Index i, Index t) { return lines.text(i, t); },
        [&](Index done) {
            if (progress.due())
                progress.show(path + ": " + plural(done, "line") + " of " + std::to_string(lines.target.size()));
        });
}

store::MemoryStore memory_of_files(const std::vector<std::string>& paths, const SequenceSource& source) {
    for (const std::string& path : paths)
        if (format_of(path) == "kvmem-store") {
            require_option(paths.size() == 1, "memory", "one store alone, or files of pairs or texts");
            return open_store(path, store::Access::map);
        }
    store::StoreOptions options = memory_options_of(source.base_model());
    options.encoding = store::KeyEncoding::int8;
    store::MemoryStore memory(options);
    for (const std::string& path : paths) remember_file(memory, source, path);
    return memory;
}

store::MemoryStore index_states(const po::variables_map& values, const std::string& output,
                                store::KeyEncoding encoding) {
    const bool is_text = &task_of_run(find_run(values)).type() == &language_modelling();
    const SequenceSource source = open_without_memory(values, is_text);
    store::StoreOptions options = memory_options_of(source.base_model());
    options.encoding = encoding;
    store::MemoryStore memory =
        is_there(output) ? open_store(output, store::Access::load) : store::MemoryStore::create(output, options);
    remember_file(memory, source, values.count("memory") ? values["memory"].as<std::string>() : data_of_run(values));
    memory.sync();
    return memory;
}

static std::vector<MemoryOptions> grid() {
    std::vector<MemoryOptions> all{{.neighbours = 1, .mix = 0}};
    for (const Index neighbours : {4, 16, 64})
        for (const double mix : {0.1, 0.3, 0.5, 0.7, 0.9})
            for (const double temperature : {0.3, 1.0, 3.0, 10.0, 30.0})
                all.push_back({.neighbours = neighbours, .mix = mix, .memory_temperature = temperature});
    return all;
}

std::vector<MemoryTrial> tried_memory(const SequenceSource& source, const TestLines& lines) {
    Ragged<Token> targets;
    std::vector<Index> offsets{0};
    for (const auto& references : lines.references) {
        for (const std::string& text : references) targets.push_row(source.first().target_units().encode(text));
        offsets.push_back(targets.size());
    }
    std::vector<MemoryTrial> trials =
        try_memory(source.base_model(), *source.memory(), lines.source, targets, offsets, grid());
    std::ranges::stable_sort(trials, {}, [](const MemoryTrial& t) { return std::pair(-t.exact, t.perplexity); });
    return trials;
}

std::vector<ExplainedSymbol> explained(const SequenceSource& source, std::span<const Token> tokens,
                                       const Generated& result) {
    const Units& units = source.first().target_units();
    std::vector<ExplainedSymbol> all;
    for (const auto& recalled : source.memory_model()->explain(tokens, result.tokens)) {
        const bool is_end = all.size() == result.tokens.size();
        if (is_end && !result.ended) break;
        ExplainedSymbol& symbol = all.emplace_back();
        symbol.symbol = symbol_or_end(units, is_end ? end_token : result.tokens[all.size() - 1]);
        std::vector<store::Id> ids;
        for (const Recalled& slot : recalled) ids.push_back(slot.id);
        const store::StoredSlots slots = source.memory()->get(ids);
        for (std::size_t i = 0; i < recalled.size(); ++i)
            symbol.slots.push_back(
                {recalled[i].id, recalled[i].weight, symbol_or_end(units, recalled[i].token), slots.texts[i]});
    }
    return all;
}

}  // namespace kvmem::apps
