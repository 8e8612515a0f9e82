// The command line of `kvmem train` made into a configuration.
#pragma once

#include "kvmem/train/task_type.hpp"
#include "program.hpp"

namespace kvmem::apps {

// Adds the options of training, and those of the model or preset that the arguments name to the help; others are known
// too. Returns the arguments with "--flag yes" as "--flag=yes".
Arguments add_train_options(CommandLine& line, const TaskType& task, const Arguments& arguments);

// The usual run of the model that --model or --preset names, or else of the one that the data asks for, with what was
// given explicitly. Throws UsageError for what does not fit. `data` is read only when the model must be guessed.
RunConfig run_config(const po::variables_map& values, const TaskType& task, const std::string& data);

}  // namespace kvmem::apps
