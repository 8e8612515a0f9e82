#include "kvmem/core/rng.hpp"
#include "tasks/sequences/import/sources.hpp"
#include "tasks/sequences/import/text_pairs.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

namespace kvmem {

static constexpr std::size_t max_pair_bytes = std::size_t{1} << 16;

static bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\v\f") == text.npos; }

static TextPair parse_pair(std::string_view line, const Location& loc) {
    const char* const form = "source<TAB>target";
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) throw loc.error("not a pair", form, "no tab");
    if (const auto tabs = std::ranges::count(line, '\t'); tabs > 1)
        throw loc.error("not a pair", form, std::to_string(tabs) + " tabs");
    const TextPair pair{line.substr(0, tab), line.substr(tab + 1)};
    if (is_blank(pair.source)) throw loc.error("not a pair", form, "an empty source");
    if (is_blank(pair.target)) throw loc.error("not a pair", form, "an empty target");
    return pair;
}

static TextPairs read_pairs(const std::vector<Source>& sources, const SequenceImport& options) {
    TextPairs pairs;
    for (const Source& source : sources) {
        const std::size_t before = pairs.size();
        LineReader lines(source, options.progress, max_pair_bytes);
        for_each_good_line(lines, options.on_bad_line, [&](LineReader& reader) {
            std::string_view line;
            if (!reader.next(line)) return false;
            pairs.push_back(parse_pair(line, reader.location()));
            return true;
        });
        if (pairs.size() == before) throw error_in(source.name, "the file has no pair");
    }
    return pairs;
}

std::vector<Index> numbered_sources(const TextPairs& pairs) {
    std::unordered_map<std::string_view, Index> numbers;
    std::vector<Index> of_pairs;
    for (const TextPair& pair : pairs)
        of_pairs.push_back(numbers.emplace(pair.source, static_cast<Index>(numbers.size())).first->second);
    return of_pairs;
}

TextPairs distinct_by_source(const TextPairs& pairs) {
    const std::vector<Index> source = numbered_sources(pairs);
    std::vector<std::size_t> order(pairs.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return source[i]; });
    TextPairs distinct;
    for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
        std::unordered_set<std::string_view> targets;
        for (; end < order.size() && source[order[end]] == source[order[begin]]; ++end)
            if (targets.insert(pairs[order[end]].target).second) distinct.push_back(pairs[order[end]]);
    }
    return distinct;
}

// Moves the pairs of some sources to the end, and returns how many stay before them.
static std::size_t set_apart(TextPairs& pairs, const SequenceImport& options) {
    const std::vector<Index> source = numbered_sources(pairs);
    const Index sources = source.empty() ? 0 : *std::ranges::max_element(source) + 1;
    std::vector<Index> drawn(static_cast<std::size_t>(sources));
    std::iota(drawn.begin(), drawn.end(), Index{0});
    Rng(options.seed).shuffle(std::span(drawn));
    drawn.resize(static_cast<std::size_t>(validation_count(options.valid_fraction, sources, "different sources")));
    std::vector<bool> is_drawn(static_cast<std::size_t>(sources));
    for (const Index number : drawn) is_drawn[static_cast<std::size_t>(number)] = true;
    TextPairs train, valid;
    for (std::size_t i = 0; i < pairs.size(); ++i)
        (is_drawn[static_cast<std::size_t>(source[i])] ? valid : train).push_back(pairs[i]);
    pairs = train;
    pairs.insert(pairs.end(), valid.begin(), valid.end());
    return train.size();
}

Units learn_side(const TextPairs& pairs, std::string_view TextPair::*side, const UnitChoice& choice) {
    std::vector<std::string_view> texts;
    for (const TextPair& pair : pairs) texts.push_back(pair.*side);
    return Units::learn(choice.kind, texts, choice.size);
}

PairSplit encode_pairs(const TextPairs& pairs, const Units& source, const Units& target) {
    PairSplit split;
    for (const TextPair& pair : pairs) {
        source.encode(pair.source, split.source.values), split.source.end_row();
        target.encode(pair.target, split.target.values), split.target.end_row();
    }
    return split;
}

PairSplit encode_references(const TextPairs& pairs, const Units& source, const Units& target) {
    PairSplit split;
    split.reference_offsets = {0};
    const TextPairs distinct = distinct_by_source(pairs);
    for (std::size_t i = 0; i < distinct.size(); ++i) {
        const auto& [source_text, target_text] = distinct[i];
        target.encode(target_text, split.target.values), split.target.end_row();
        if (i + 1 < distinct.size() && distinct[i + 1].source == source_text) continue;
        source.encode(source_text, split.source.values), split.source.end_row();
        split.reference_offsets.push_back(split.target.size());
    }
    return split;
}

PairsDataset pairs_from(const SequenceSources& sources, const SequenceImport& options, const UnitChoice& source,
                        const UnitChoice& target) {
    TextPairs train = read_pairs(sources.train, options), valid = read_pairs(sources.valid, options);
    const TextPairs test = read_pairs(sources.test, options);
    if (options.valid_fraction > 0) {
        const auto first = train.begin() + static_cast<std::ptrdiff_t>(set_apart(train, options));
        valid.assign(first, train.end());
        train.erase(first, train.end());
    }
    PairsDataset dataset{
        options.info, learn_side(train, &TextPair::source, source), learn_side(train, &TextPair::target, target), {}};
    dataset.splits["train"] = encode_pairs(train, dataset.source, dataset.target);
    if (!valid.empty()) dataset.splits["valid"] = encode_references(valid, dataset.source, dataset.target);
    if (!test.empty()) dataset.splits["test"] = encode_references(test, dataset.source, dataset.target);
    return dataset;
}

PairsDataset import_pairs(const SequenceImport& options, const UnitChoice& source, const UnitChoice& target) {
    return pairs_from(read_sequence_sources(options), options, source, target);
}

std::vector<ReferencedText> read_references(const std::vector<std::filesystem::path>& files,
                                            const std::function<void(const Error& bad)>& on_bad_line) {
    SequenceImport options;
    options.on_bad_line = on_bad_line;
    const std::vector<Source> sources = read_sources(files, "a file of pairs");
    std::vector<ReferencedText> texts;
    for (const auto& [source, target] : distinct_by_source(read_pairs(sources, options))) {
        if (texts.empty() || texts.back().source != source) texts.push_back({std::string(source), {}});
        texts.back().references.emplace_back(target);
    }
    return texts;
}

}  // namespace kvmem
