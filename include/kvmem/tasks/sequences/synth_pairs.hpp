// Pairs that are made up, of which it is known where each symbol of a target came from.
//
//   dates    dates from 1950 to 2049, in words and digits, to ISO 8601: "the 5th of March 2016" -> "2016-03-05"; never
//            in a form that has two readings. A digit came from the digit that says it, or else from the whole number
//            or name; the hyphens came from nowhere.
//   reverse  1 to 25 of the words 0 to 49 in reverse order
//   copy     the same in their order
//   sort     the same sorted as numbers; where one occurs several times, nothing is known
//   add      two numbers of up to three digits and their sum, "17+5" -> "22"; nothing is known
//   scan     commands to actions, by the grammar of SCAN (Lake, Baroni, ICML 2018): "jump left twice" -> "I_TURN_LEFT
//            I_JUMP I_TURN_LEFT I_JUMP"; an action came from its verb or direction
//
// Units are chars in dates and add, words elsewhere. The source alone decides the split of a pair, eight in ten are of
// training. So no source is in two splits, whatever the seeds and sizes, and none is twice in a split, but for "jump"
// as below.
//
// Commands may have other tests, whose pairs training has not: those with more than max_actions actions; or those of
// "jump" with other words, while "jump" alone is every tenth pair of training. They are splits of Lake and Baroni
// (experiments 1 to 3), but for the pairs to validate with, which are like those of training.
#pragma once

#include "kvmem/tasks/sequences/dataset.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace kvmem {

// A task by its name above.
enum class PairTask { dates, reverse, copy, sort, add, scan };
std::span<const char* const> choices(PairTask);

// Which commands are those of the test.
enum class CommandSplit { simple, length, add_jump };
std::span<const char* const> choices(CommandSplit);

// The largest number of pairs of a split.
inline constexpr Index max_pairs = 1'000'000;

// What is made.
struct SynthPairs {
    PairTask task = PairTask::dates;  // of all pairs
    std::uint64_t seed = 1;           // of every random choice
    Index train = 10'000;             // pairs to train on
    Index valid = 1'000;              // and to validate with; 0: none
    Index test = 1'000;               // and to test with; 0: none
    // Of commands.
    CommandSplit split = CommandSplit::simple;
    Index max_actions = 22;  // of training, with CommandSplit::length
};

// The same options give the same pairs, and a larger number continues the same ones. Throws UsageError for a number
// outside [0, max_pairs], for none to train on, for more pairs than the task has, for a split of commands of another
// task, and for max_actions outside [1, 47] with CommandSplit::length.
PairsDataset synth_pairs(const SynthPairs& options);

// Writes pairs.h5 (kvmem-pairs, with the alignment), and train.tsv, valid.tsv and test.tsv with the same pairs as lines
// "source<TAB>target", and gives the paths. Makes the folder if needed, and replaces these files, each as a whole.
// Throws as synth_pairs() does, and Error for files.
std::vector<std::filesystem::path> write_pairs(const std::filesystem::path& folder, const SynthPairs& options);

}  // namespace kvmem
