// The kinds of tasks that the program and the Python package know.
#pragma once

#include "kvmem/train/task_type.hpp"

#include <filesystem>
#include <span>
#include <string_view>

namespace kvmem::apps {

struct Task {
    const TaskType& (*type)();
    const char* data_format;  // of its data sets (io/file_format.hpp)
};

// The first is question answering.
std::span<const Task> all_tasks();

// The task whose data sets have this format, or null.
const Task* task_of_format(std::string_view data_format);
// The task of a run directory or a model file. Throws Error for a file that is none, for a directory without a
// configuration that can be read, and for an unknown kind of model.
const Task& task_of_run(const std::filesystem::path& run);
// The task that has a kind of model, or a preset of this name. They throw UsageError, which lists the names.
const Task& task_of_model(std::string_view kind);
const Task& task_of_preset(std::string_view name);

}  // namespace kvmem::apps
