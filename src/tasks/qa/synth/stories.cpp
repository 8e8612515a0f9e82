#include "kvmem/tasks/qa/synth_stories.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "tasks/qa/synth/makers.hpp"

#include <set>
#include <string_view>
#include <system_error>

namespace kvmem {

namespace fs = std::filesystem;

static constexpr StoryTask tasks[] = {
    {1, "one-supporting-fact", "one supporting fact"},
    {2, "two-supporting-facts", "two supporting facts"},
    {3, "three-supporting-facts", "three supporting facts"},
    {4, "two-argument-relations", "two-argument relations"},
    {5, "three-argument-relations", "three-argument relations"},
    {6, "yes-no-questions", "yes/no questions"},
    {7, "counting", "counting"},
    {8, "lists", "lists"},
    {9, "negation", "negation"},
    {10, "indefinite-knowledge", "indefinite knowledge"},
    {11, "basic-coreference", "basic coreference"},
    {12, "conjunction", "conjunction"},
    {13, "compound-coreference", "compound coreference"},
    {14, "time", "time"},
    {15, "basic-deduction", "deduction"},
    {16, "basic-induction", "induction"},
    {17, "positions", "positions"},
    {18, "sizes", "sizes"},
    {19, "path-finding", "path finding"},
    {20, "motivations", "motivations"},
};

static_assert(std::size(synth::makers) == std::size(tasks));

static constexpr Index questions_between_reports = 8192;

std::span<const StoryTask> story_tasks() { return tasks; }

static const StoryTask& task_of(int number) {
    require_option(number >= 1 && number <= static_cast<int>(std::size(tasks)), "tasks", "numbers from 1 to 20");
    return tasks[number - 1];
}

// Assigns half of all stories to training, and a quarter each to validation and the test.
static StorySplit split_of(const synth::Story& story) {
    const std::uint64_t quarter = story.opening() % 4;
    return quarter == 0 ? StorySplit::valid : quarter == 1 ? StorySplit::test : StorySplit::train;
}

std::string synth_stories(int task, StorySplit split, Index questions, std::uint64_t seed,
                          const std::function<void(Index questions)>& progress) {
    task_of(task);
    require_option(questions >= 0 && questions <= max_story_questions, "questions", "0 to 1,000,000 for each split");
    Rng rng(seed, {static_cast<std::uint64_t>(task), static_cast<std::uint64_t>(split)});
    std::string text;
    synth::Story story;
    for (Index made = 0, reported = 0; made < questions;) {
        story.clear();
        synth::makers[task - 1](story, rng);
        if (split_of(story) != split) continue;
        story.cut(questions - made);
        text += story.text();
        made += story.questions();
        if (progress && (made - reported >= questions_between_reports || made == questions)) {
            reported = made;
            progress(made);
        }
    }
    return text;
}

struct StoryFile {
    std::string name;
    int task;
    StorySplit split;
    Index questions;
};

static std::vector<StoryFile> files_of(const StoryOptions& options) {
    require_option(options.train > 0, "questions", "at least 1 to train on");
    std::set<int> numbers(options.tasks.begin(), options.tasks.end());
    if (numbers.empty())
        for (const StoryTask& task : tasks) numbers.insert(task.number);
    std::vector<StoryFile> files;
    for (const int number : numbers) {
        const std::string name = "qa" + std::to_string(number) + "_" + task_of(number).name + "_";
        files.push_back({name + "train.txt", number, StorySplit::train, options.train});
        files.push_back({name + "valid.txt", number, StorySplit::valid, options.valid});
        files.push_back({name + "test.txt", number, StorySplit::test, options.test});
    }
    for (const StoryFile& file : files)
        require_option(file.questions >= 0 && file.questions <= max_story_questions, "questions",
                       "0 to 1,000,000 for each split");
    std::erase_if(files, [](const StoryFile& file) { return file.questions == 0; });
    return files;
}

// Throws Error if the folder has other stories, which importers would take for a part of this data set.
static void require_no_others(const fs::path& folder, const std::vector<StoryFile>& files) {
    std::set<std::string> ours;
    for (const StoryFile& file : files) ours.insert(file.name);
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with("qa") && name.ends_with(".txt") && !ours.count(name))
            throw Error({.what = "the folder holds other stories",
                         .expected = "a folder without qa*.txt, or with those that are to be replaced",
                         .got = name,
                         .where = folder.string(),
                         .hint = "choose another folder, or remove them"});
    }
}

static void prepare_folder(const fs::path& folder, const std::vector<StoryFile>& files) {
    try {
        fs::create_directories(folder);
        require_no_others(folder, files);
    } catch (const fs::filesystem_error& e) {
        throw Error({.what = "cannot use the folder", .got = e.code().message(), .where = folder.string()});
    }
    for (const StoryFile& file : files) require_writable(folder / file.name);
}

std::vector<fs::path> write_stories(const fs::path& folder, const StoryOptions& options) {
    const std::vector<StoryFile> files = files_of(options);
    prepare_folder(folder, files);
    std::vector<fs::path> written;
    for (const auto& [name, task, split, questions] : files) {
        const auto report = [&options, &name = name](Index made) {
            if (options.progress) options.progress(name, made);
        };
        replace_file(folder / name, synth_stories(task, split, questions, options.seed, report));
        written.push_back(folder / name);
    }
    return written;
}

}  // namespace kvmem
