// kvmem synth pairs: pairs of sequences that are made up.
#include "kvmem/tasks/sequences/synth_pairs.hpp"
#include "kvmem/core/file.hpp"
#include "output.hpp"
#include "sequences.hpp"

#include <algorithm>
#include <iostream>

namespace kvmem::apps {

static const char* const about_synth_pairs =
    "Makes up pairs of a source and a target: a folder of pairs.h5, a data set that says where each symbol of a "
    "target\n"
    "came from, and train.tsv, valid.tsv and test.tsv with the same pairs as lines source<TAB>target. The same seed\n"
    "gives the same bytes; no source is in two splits. Tasks:\n\n"
    "  dates    the 5th of March 2016 -> 2016-03-05, from many forms; characters\n"
    "  reverse  3 14 15 -> 15 14 3, up to 25 numbers below 50; words\n"
    "  copy     3 14 15 -> 3 14 15\n"
    "  sort     15 3 14 -> 3 14 15\n"
    "  add      17+5 -> 22, numbers of up to three digits; characters\n"
    "  scan     jump left twice -> I_TURN_LEFT I_JUMP I_TURN_LEFT I_JUMP, the 20,910 commands of SCAN; words\n";

int run_synth_pairs(const Arguments& arguments) {
    SynthPairs options;
    CommandLine line{.usage = "kvmem synth pairs --task TASK --output DIR [options]",
                     .about = about_synth_pairs,
                     .positional = {"kind"}};
    line.options.add_options()                                                                                   //
        ("task", po::value<std::string>(), "dates, reverse, copy, sort, add or scan")                            //
        ("output,o", po::value<std::string>()->value_name("DIRECTORY"), "the folder to write to")                //
        ("seed", po::value(&options.seed)->default_value(1), "of every random choice")                           //
        ("lines", po::value(&options.train)->default_value(options.train), "pairs to train on; 1 to 1,000,000")  //
        ("valid", po::value(&options.valid)->default_value(options.valid), "pairs to validate with")             //
        ("test", po::value(&options.test)->default_value(options.test), "pairs to test with")                    //
        ("split", po::value<std::string>()->default_value("simple"),
         "of scan, commands that training has not: simple, any; length, those with more actions; add-jump, those with "
         "'jump' among other words")  //
        ("max-actions", po::value(&options.max_actions)->default_value(options.max_actions),
         "of training, with --split length");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    constexpr const char* tasks = "dates, reverse, copy, sort, add or scan";
    options.task = choice_named<PairTask>(required(values, "task", tasks), "task", tasks);
    options.split =
        choice_named<CommandSplit>(values["split"].as<std::string>(), "split", "simple, length or add-jump");
    require_option(values["max-actions"].defaulted() || options.split == CommandSplit::length, "max-actions",
                   "--split length beside it");
    const std::filesystem::path output = required(values, "output", "the folder to write to");
    if (is_folder(output)) require_output(output / "pairs.h5", "kvmem-pairs", {});
    const auto files = write_pairs(output, options);
    std::cerr << output.string() << ": " << plural(static_cast<Index>(files.size()), "file") << ", "
              << plural(options.train, "train pair") << ", " << plural(options.valid, "valid pair") << ", "
              << plural(options.test, "test pair") << "\n";
    return 0;
}

}  // namespace kvmem::apps
