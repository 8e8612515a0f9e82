// The files of runs and data sets, by their tasks.
#pragma once

#include "kvmem/train/session.hpp"
#include "kvmem/train/task_type.hpp"
#include "tasks.hpp"

#include <filesystem>
#include <optional>

namespace kvmem::python {

// The task of a data set. Throws Error for another file.
const apps::Task& task_of_data(const std::filesystem::path& data);
// The model file of a run directory, or of the path itself. Throws Error when it is not of this task.
std::filesystem::path model_file(const std::filesystem::path& run, const TaskType& task);
// The configuration of a run directory; nothing for a model file.
std::optional<RunConfig> config_of_run(const std::filesystem::path& run, const TaskType& task);

}  // namespace kvmem::python
