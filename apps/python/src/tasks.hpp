// The tasks that runs and data sets are of.
#pragma once

#include "kvmem/train/session.hpp"
#include "kvmem/train/task_type.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace kvmem::python {

// A task, and the format of its data sets (io/file_format.hpp).
struct Task {
    const TaskType* type;
    const char* data_format;
};

// The task of a data set, of a model's kind and of a run directory. They throw Error when there is none.
const Task& task_of_data(const std::filesystem::path& data);
const Task& task_of_model(std::string_view kind);
const Task& task_of_run(const std::filesystem::path& run);
// The configuration of a published experiment. Throws UsageError.
RunConfig config_of_preset(std::string_view name);

// The model file of a run directory, or of the path itself. Throws Error when it is not of this task.
std::filesystem::path model_file(const std::filesystem::path& run, const TaskType& task);
// The configuration of a run directory; nothing for a model file.
std::optional<RunConfig> config_of_run(const std::filesystem::path& run, const TaskType& task);

}  // namespace kvmem::python
