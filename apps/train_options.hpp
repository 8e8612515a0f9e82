// The command line of `kvmem train` made into a configuration.
#pragma once

#include "kvmem/train/config.hpp"
#include "program.hpp"

namespace kvmem::apps {

// Adds the options of models and training. Their values are texts: which of them fit is the model's matter.
void add_train_options(CommandLine& line);

// The defaults of the model that --model names or else the data set asks for, with what was given explicitly. Throws
// UsageError for what does not fit. `data` is looked at only when the model must be guessed.
RunConfig run_config(const po::variables_map& values, const std::string& data);

}  // namespace kvmem::apps
