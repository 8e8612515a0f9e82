// The options of `kvmem train`, and the configuration that they make.
#pragma once

#include "program.hpp"
#include "task_table.hpp"

namespace kvmem::apps {

// Adds the options of training and of all models of all tasks. Help shows those of the model or preset that the
// arguments name. Returns the arguments with "--flag yes" as "--flag=yes".
Arguments add_train_options(CommandLine& line, const Arguments& arguments);

// The task of the model or preset that the options name, or else of the data. Throws UsageError, and Error for data of
// no task.
const Task& train_task(const po::variables_map& values, const std::string& data);

// The recommended configuration of the model or preset that the options name, changed by the other options. Without
// --model and --preset, the model is the task's default for the data. Throws UsageError for options that do not fit,
// and for data of another task.
RunConfig run_config(const po::variables_map& values, const Task& task, const std::string& data);

}  // namespace kvmem::apps
