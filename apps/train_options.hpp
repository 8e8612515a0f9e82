// The options of `kvmem train`, and the configuration that they make.
#pragma once

#include "kvmem/train/task_type.hpp"
#include "program.hpp"

namespace kvmem::apps {

// Adds the options of training and of all models. Help shows those of the model or preset that the arguments name.
// Returns the arguments with "--flag yes" as "--flag=yes".
Arguments add_train_options(CommandLine& line, const TaskType& task, const Arguments& arguments);

// The recommended configuration of the model or preset that the options name, changed by the other options. Without
// --model and --preset, the model is the task's default for the data. Throws UsageError for options that do not fit.
RunConfig run_config(const po::variables_map& values, const TaskType& task, const std::string& data);

}  // namespace kvmem::apps
