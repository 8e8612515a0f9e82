// Opens a trained model with its memory, from the options of a command line.
#pragma once

#include "kvmem/cluster/cluster.hpp"
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

// The option "run" names a run directory or a model file. The option `memory_option` names the data set with the
// memory; by default it is the run's. Splits are read only if the data set has no shared memory.
ModelSource open_model(const po::variables_map& values, const std::string& memory_option);

// Opens only the model, even if its data set is gone.
std::unique_ptr<Model> open_model_alone(const po::variables_map& values);

// Opens all models of a run with a model for each task, each with the questions of its task; otherwise one model.
std::vector<ModelSource> open_models(const po::variables_map& values, const std::string& memory_option);

// The common options of `ask` and `predict`, and the answerer that they select.
void add_answer_options(CommandLine& line, AnswerOptions& options);
Answerer open_answerer(const po::variables_map& values, AnswerOptions& options);
// Checks the options of an answer, and fills in the rest of `options`. Throws UsageError.
void check_answer_options(const po::variables_map& values, AnswerOptions& options);

// A model as open_model() finds it, and the shards of its memory that this rank has.
struct ModelOfRank {
    std::unique_ptr<Model> model;
    std::vector<QaDataset> shards;
};
ModelOfRank open_model_of_rank(const po::variables_map& values, const std::string& memory_option,
                               const Cluster& cluster);

}  // namespace kvmem::apps
