#include "kvmem/core/rng.hpp"
#include "tasks/sequences/import/sources.hpp"
#include "tasks/sequences/import/text_pairs.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
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

// The part of a file's name before its first '_' or '.': "fra" of data/fra_train.tsv.
static std::string_view mark_of(std::string_view path) {
    path.remove_prefix(std::min(path.find_last_of('/') + 1, path.size()));
    return path.substr(0, path.find_first_of("_."));
}

static TextPairs read_pairs(const std::vector<Source>& sources, const SequenceImport& options) {
    TextPairs pairs;
    for (const Source& source : sources) {
        const std::size_t before = pairs.size();
        LineReader lines(source, options.progress, max_pair_bytes);
        for_each_good_line(lines, options.on_bad_line, [&](LineReader& reader) {
            std::string_view line;
            if (!reader.next(line)) return false;
            TextPair pair = parse_pair(line, reader.location());
            if (options.marks_from_names) pair.mark = mark_of(source.name);
            pairs.push_back(pair);
            return true;
        });
        if (pairs.size() == before) throw error_in(source.name, "the file has no pair");
    }
    return pairs;
}

std::vector<Index> numbered_sources(const TextPairs& pairs) {
    std::map<std::pair<std::string_view, std::string_view>, Index> numbers;
    std::vector<Index> of_pairs;
    for (const TextPair& pair : pairs)
        of_pairs.push_back(numbers.try_emplace({pair.mark, pair.source}, std::ssize(numbers)).first->second);
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

// The source units with the marks of pairs, in the order of their names.
static Units with_marks(const Units& units, const TextPairs& pairs) {
    std::set<std::string> marks;
    for (const TextPair& pair : pairs) marks.emplace(pair.mark);
    marks.erase("");
    return units.with_marks(std::vector<std::string>(marks.begin(), marks.end()));
}

static void encode_source(const TextPair& pair, const Units& units, Ragged<Token>& rows) {
    if (!pair.mark.empty()) {
        const std::string mark = "<" + std::string(pair.mark) + ">";
        units.encode(mark, rows.values);
        if (!units.is_mark(rows.values.back()))
            throw Error(
                {.what = "there is nothing to train on for a mark", .expected = "files for training", .got = mark});
    }
    units.encode(pair.source, rows.values);
    rows.end_row();
}

PairSplit encode_pairs(const TextPairs& pairs, const Units& source, const Units& target) {
    PairSplit split;
    for (const TextPair& pair : pairs) {
        encode_source(pair, source, split.source);
        target.encode(pair.target, split.target.values), split.target.end_row();
    }
    return split;
}

PairSplit encode_references(const TextPairs& pairs, const Units& source, const Units& target) {
    PairSplit split;
    split.reference_offsets = {0};
    const TextPairs distinct = distinct_by_source(pairs);
    for (std::size_t i = 0; i < distinct.size(); ++i) {
        const TextPair& pair = distinct[i];
        target.encode(pair.target, split.target.values), split.target.end_row();
        if (i + 1 < distinct.size() && distinct[i + 1].source == pair.source && distinct[i + 1].mark == pair.mark)
            continue;
        encode_source(pair, source, split.source);
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
    PairsDataset dataset{options.info,
                         with_marks(learn_side(train, &TextPair::source, source), train),
                         learn_side(train, &TextPair::target, target),
                         {}};
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
    for (const TextPair& pair : distinct_by_source(read_pairs(sources, options))) {
        if (texts.empty() || texts.back().source != pair.source) texts.push_back({std::string(pair.source), {}});
        texts.back().references.emplace_back(pair.target);
    }
    return texts;
}

}  // namespace kvmem
