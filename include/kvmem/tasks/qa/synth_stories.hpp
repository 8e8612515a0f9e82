// Stories with questions, made by simulating small worlds: twenty tasks, each for one skill of reading.
//
// Numbers, skills and layout are those of the bAbI tasks (Weston et al. 2015, "Towards AI-Complete Question
// Answering"); people, things, places and sentences are our own. A file has lines "id sentence" and "id
// question<TAB>answer<TAB>ids of the lines that the answer follows from"; ids begin at 1 with each story. An answer
// follows from what its story has said so far, and no other answer does. src/tasks/qa/synth/README.md tells how answers
// are written.
//
// Whether a story is for training, validation or the test is a matter of how it begins alone: no story of one split is
// in another, and no question is asked after the same sentences in two, whatever the seeds and sizes. Free functions,
// safe to call from several threads.
#pragma once

#include "kvmem/core/types.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

struct StoryTask {
    int number;         // 1 to 20
    const char* name;   // in names of files: "two-supporting-facts"
    const char* skill;  // for people
};

// All tasks, in the order of their numbers.
std::span<const StoryTask> story_tasks();

enum class StorySplit { train, valid, test };

// The most questions of a task and split.
inline constexpr Index most_story_questions = 1'000'000;

struct StoryOptions {
    std::vector<int> tasks{};  // numbers; empty: all
    std::uint64_t seed = 1;
    Index train = 900, valid = 100, test = 1000;  // questions of each task; of a split with 0 there is no file
    // Called now and then with the name of a file and how many of its questions are made. May be empty.
    std::function<void(const std::string& file, Index questions)> progress{};
};

// The text of a file. The same arguments give the same bytes, and more questions continue the stories of fewer. Throws
// UsageError when there is no such task, or `questions` is not from 0 to the most.
std::string synth_stories(int task, StorySplit split, Index questions, std::uint64_t seed,
                          const std::function<void(Index questions)>& progress = {});

// Writes "qa<number>_<name>_<split>.txt" of all tasks and splits, and gives the paths. Makes the folder if needed.
// Files of the same names are replaced, each as a whole; a folder that holds other files called qa*.txt is refused.
// Throws UsageError for options, Error for files, before anything is written if it can be known.
std::vector<std::filesystem::path> write_stories(const std::filesystem::path& folder, const StoryOptions& options);

}  // namespace kvmem
