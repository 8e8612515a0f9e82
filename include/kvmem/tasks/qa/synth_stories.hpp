// Makes stories with questions by simulating small worlds: twenty tasks, each for one skill of reading.
//
// Numbers, skills and layout are those of the bAbI tasks (Weston et al. 2015, "Towards AI-Complete Question
// Answering"); people, things, places and sentences are our own. A file has lines "id sentence" and "id
// question<TAB>answer<TAB>ids of the supporting lines", and ids begin at 1 with each story. Exactly one answer follows
// from the story before the question. datasets/README.md specifies answers.
//
// The beginning of a story alone decides its split. So no story is in two splits, and no question comes after the same
// sentences in two, whatever the seeds and sizes. All functions are safe to call from several threads.
#pragma once

#include "kvmem/core/types.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// One of the twenty tasks of bAbI (Weston et al. 2016).
struct StoryTask {
    int number;         // 1 to 20
    const char* name;   // in names of files: "two-supporting-facts"
    const char* skill;  // for people
};

// All tasks, in the order of their numbers.
std::span<const StoryTask> story_tasks();

// The split that a story belongs to.
enum class StorySplit { train, valid, test };

// The largest number of questions of a task and split.
inline constexpr Index max_story_questions = 1'000'000;

// What write_stories() makes.
struct StoryOptions {
    std::vector<int> tasks{};  // numbers; empty: all
    // The seed of all stories.
    std::uint64_t seed = 1;
    Index train = 900, valid = 100, test = 1000;  // questions of each task; a split with 0 has no file
    // If not empty, called at times with the name of a file and the number of its questions that are made.
    std::function<void(const std::string& file, Index questions)> progress{};
};

// The text of a file. The same arguments give the same bytes, and a larger `questions` continues the same text. Throws
// UsageError for an unknown task, and for `questions` outside [0, max_story_questions].
std::string synth_stories(int task, StorySplit split, Index questions, std::uint64_t seed,
                          const std::function<void(Index questions)>& progress = {});

// Writes "qa<number>_<name>_<split>.txt" of all tasks and splits, and gives the paths. Makes the folder if needed, and
// replaces files of the same names, each as a whole. Throws UsageError for options, and Error for files and for a
// folder with other files called qa*.txt, before it writes anything if it can.
std::vector<std::filesystem::path> write_stories(const std::filesystem::path& folder, const StoryOptions& options);

}  // namespace kvmem
