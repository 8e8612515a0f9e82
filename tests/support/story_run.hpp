// Training runs on the toy stories.
#pragma once

#include "kvmem/tasks/qa/model_file.hpp"
#include "kvmem/tasks/qa/objective.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_stories.hpp"

#include <filesystem>
#include <string>

namespace kvmem::test {

struct StoryRun {
    TemporaryDirectory directory;
    std::filesystem::path data = directory.path() / "stories.h5";

    explicit StoryRun(Index stories = 40) { save_dataset(toy_stories(stories), data); }
    std::filesystem::path operator/(const std::string& name) const { return directory.path() / name; }

    RunConfig config(Index epochs) const {
        RunConfig config = preset(question_answering(), "memn2n-babi-1k");
        config.data = data.string();
        config.trainer.epochs = epochs;
        config.trainer.start_epochs = 2;
        return config;
    }
};

}  // namespace kvmem::test
