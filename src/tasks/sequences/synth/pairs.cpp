#include "kvmem/core/file.hpp"
#include "kvmem/core/option_error.hpp"
#include "kvmem/tasks/sequences/synth_pairs.hpp"
#include "kvmem/version.hpp"
#include "tasks/sequences/import/text_pairs.hpp"
#include "tasks/sequences/synth/makers.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <map>
#include <system_error>
#include <unordered_set>

namespace kvmem {

namespace fs = std::filesystem;

std::span<const char* const> choices(PairTask) {
    static constexpr const char* names[] = {"dates", "reverse", "copy", "sort", "add", "scan"};
    return names;
}

std::span<const char* const> choices(CommandSplit) {
    static constexpr const char* names[] = {"simple", "length", "add-jump"};
    return names;
}

static constexpr synth::MadePair (*makers[])(Rng&) = {synth::make_date, synth::make_reverse, synth::make_copy,
                                                      synth::make_sort, synth::make_sum,     synth::make_command};

using MadePairs = std::vector<synth::MadePair>;
using MadeSplits = std::map<std::string, MadePairs>;

enum Split { train, valid, test };
static constexpr const char* split_names[] = {"train", "valid", "test"};
static constexpr const char* size_names[] = {"lines", "valid", "test"};  // options

static Split split_of(const synth::MadePair& made, const SynthPairs& options) {
    const auto tenth = XXH3_64bits(made.source.data(), made.source.size()) % 10;
    const bool is_simple = options.split == CommandSplit::simple;
    const bool is_new = options.split == CommandSplit::length
                            ? made.origins.size() > options.max_actions
                            : made.source != "jump" && made.source.find("jump") != std::string::npos;
    if (is_simple ? tenth == 1 : is_new) return test;
    return tenth == 0 ? valid : train;
}

static synth::MadePair jump_alone() {
    synth::MadePair made{"jump", "I_JUMP", {}};
    made.origins.push_row(std::vector<Index>{0});
    return made;
}

static MadePairs make_pairs(const SynthPairs& options, Split split, Index count) {
    constexpr Index max_draws = 200'000;  // for a source that is new
    const auto task = static_cast<std::uint64_t>(options.task);
    const bool with_jump = options.split == CommandSplit::add_jump;
    Rng rng(options.seed, {task, split});
    MadePairs pairs;
    std::unordered_set<std::string> seen;
    if (with_jump) seen.insert("jump");  // training has it by its number alone
    for (Index draws = 0; static_cast<Index>(pairs.size()) < count; ++draws) {
        if (draws == max_draws)
            throw OptionError(size_names[split], "at most " + std::to_string(pairs.size()) + ": the split has no more",
                              std::to_string(count));
        synth::MadePair made = makers[task](rng);
        if (with_jump && split == train && pairs.size() % 10 == 0)
            made = jump_alone();
        else if (split_of(made, options) != split || !seen.insert(made.source).second)
            continue;
        pairs.push_back(std::move(made));
        draws = 0;
    }
    return pairs;
}

static MadeSplits make_splits(const SynthPairs& options) {
    require_option(options.train > 0, "lines", "at least 1 to train on");
    require_option(options.split == CommandSplit::simple || options.task == PairTask::scan, "split",
                   "simple for other tasks than scan");
    require_option(options.split != CommandSplit::length || (1 <= options.max_actions && options.max_actions < 48),
                   "max_actions", "1 to 47: no command has more than 48");
    const Index sizes[] = {options.train, options.valid, options.test};
    for (const Split split : {train, valid, test})
        require_option(0 <= sizes[split] && sizes[split] <= max_pairs, size_names[split], "0 to 1,000,000");
    MadeSplits splits;
    for (const Split split : {train, valid, test})
        if (sizes[split] > 0) splits[split_names[split]] = make_pairs(options, split, sizes[split]);
    return splits;
}

static TextPairs texts_of(const MadePairs& pairs) {
    TextPairs texts;
    for (const synth::MadePair& made : pairs) texts.push_back({made.source, made.target});
    return texts;
}

static PairsDataset dataset_of(const SynthPairs& options, const MadeSplits& splits) {
    const bool chars = options.task == PairTask::dates || options.task == PairTask::add;
    const TextPairs known = texts_of(splits.at("train"));
    const UnitChoice units{chars ? UnitKind::chars : UnitKind::words};
    PairsDataset dataset{
        {}, learn_side(known, &TextPair::source, units), learn_side(known, &TextPair::target, units), {}};
    std::string task = choices(options.task)[static_cast<std::size_t>(options.task)];
    if (options.split != CommandSplit::simple)
        task += std::string(" --split ") + choices(options.split)[static_cast<std::size_t>(options.split)];
    if (options.split == CommandSplit::length) task += " --max-actions " + std::to_string(options.max_actions);
    dataset.info = {.title = "made up: " + task, .generator = "kvmem " KVMEM_VERSION " synth pairs --task " + task};
    for (const auto& [name, pairs] : splits) {
        const auto encode = name == "train" ? encode_pairs : encode_references;
        PairSplit& split = dataset.splits[name] = encode(texts_of(pairs), dataset.source, dataset.target);
        for (const synth::MadePair& made : pairs)
            for (Index token = 0; token < made.origins.size(); ++token) split.alignment.push_row(made.origins[token]);
    }
    return dataset;
}

PairsDataset synth_pairs(const SynthPairs& options) { return dataset_of(options, make_splits(options)); }

static void prepare_folder(const fs::path& folder, const std::vector<fs::path>& files) {
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (failed) throw Error({.what = "cannot use the folder", .got = failed.message(), .where = folder.string()});
    for (const fs::path& file : files) require_writable(file);
}

std::vector<fs::path> write_pairs(const fs::path& folder, const SynthPairs& options) {
    const MadeSplits splits = make_splits(options);
    std::vector<fs::path> files{folder / "pairs.h5"};
    for (const auto& [name, pairs] : splits) files.push_back(folder / (name + ".tsv"));
    prepare_folder(folder, files);
    for (const char* name : {"train", "valid", "test"})  // of other pairs
        if (!splits.count(name)) fs::remove(folder / (std::string(name) + ".tsv"));
    save_pairs(dataset_of(options, splits), files.front());
    for (const auto& [name, pairs] : splits) {
        std::string text;
        for (const synth::MadePair& made : pairs) text += made.source + "\t" + made.target + "\n";
        replace_file(folder / (name + ".tsv"), text);
    }
    return files;
}

}  // namespace kvmem
