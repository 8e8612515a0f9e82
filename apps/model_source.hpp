// A trained model and the memory it reads, from a command line.
#pragma once

#include "kvmem/tasks/qa/answerer.hpp"
#include "kvmem/train/session.hpp"
#include "program.hpp"

#include <memory>
#include <vector>

namespace kvmem::apps {

struct ModelSource {
    std::unique_ptr<Model> model;
    QaDataset memory;
};

// The positional argument "run" is a run directory or a model file. The memory is that of the data set that the
// option `memory_option` names, or of the one the run was trained on; its splits are read only where there is no memory
// that questions share.
ModelSource open_model(const po::variables_map& values, const std::string& memory_option);

// The model alone: its data set may be gone.
std::unique_ptr<Model> open_model_alone(const po::variables_map& values);

// The same of a run with a model for each task: the models that there are, each with the questions of its task. Of any
// other run or file, that one model.
std::vector<ModelSource> open_models(const po::variables_map& values, const std::string& memory_option);

// What ask and predict have in common: options on the command line, and the answerer that they describe.
void add_answer_options(CommandLine& line, AnswerOptions& options);
Answerer open_answerer(const po::variables_map& values, const AnswerOptions& options);

}  // namespace kvmem::apps
