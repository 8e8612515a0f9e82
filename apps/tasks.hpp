// The kinds of tasks that the program and the Python package know.
#pragma once

#include "kvmem/train/task_type.hpp"

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem::apps {

struct Task {
    const TaskType& (*type)();
    const char* data_format;  // of its data sets (io/file_format.hpp)
};

// The first is question answering. Of two with one format of data sets, the second one is named by its models.
std::span<const Task> all_tasks();

// The format of a data set: that of its file (io/file_format.hpp), or of its shards for a manifest. Throws Error for a
// file that is neither.
std::string data_format(const std::filesystem::path& data);
// The first task whose data sets have this format, or null.
const Task* task_of_format(std::string_view data_format);
// The task of a run directory or a model file. Throws Error for a file that is none, for a directory without a
// configuration that can be read, and for an unknown kind of model.
const Task& task_of_run(const std::filesystem::path& run);
// The tasks that have a kind of model, in the order of all_tasks(): several may have one of the same name.
std::vector<const Task*> tasks_of_model(std::string_view kind);
// The one of these whose data sets have this format, or else the first; and the task of a preset. They throw
// UsageError, which lists the names.
const Task& task_of_model(std::string_view kind, std::string_view data_format);
const Task& task_of_preset(std::string_view name);

}  // namespace kvmem::apps
