// The kinds of tasks that the program knows, and what its verbs do with the data sets and runs of each.
#pragma once

#include "kvmem/train/task_type.hpp"
#include "plot_page.hpp"
#include "program.hpp"
#include "trained_model.hpp"

#include <filesystem>
#include <span>

namespace kvmem::apps {

struct TaskVerbs {
    const TaskType& (*type)();
    const char* data_format;  // of its data sets (io/file_format.hpp)
    int (*evaluate)(const po::variables_map& values);
    PlotPage (*plot)(const po::variables_map& values);
    void (*inspect_data)(const std::filesystem::path& data, const po::variables_map& values);
    void (*inspect_model)(const std::filesystem::path& model, bool json);
    std::unique_ptr<TrainedModel> (*open)(const std::filesystem::path& model);
};

// The first is question answering.
std::span<const TaskVerbs> task_table();

// The task of a data set. Throws Error for a file of another format.
const TaskVerbs& task_of_data(const std::filesystem::path& data);
// The task of a run directory or a model file. Throws Error when there is none.
const TaskVerbs& task_of_run(const std::filesystem::path& run);
// The task that has a kind of model, or a preset of this name. They throw UsageError, which lists the names.
const TaskVerbs& task_of_model(std::string_view kind);
const TaskVerbs& task_of_preset(std::string_view name);

// The directory or model file that the option "run", or another one, names. Throws Error when nothing is there.
std::filesystem::path find_run(const po::variables_map& values, const std::string& option = "run");

// The data set that the option "data" names, or else the one that the run was trained on. Throws UsageError for a model
// file, and Error when it is gone.
std::string data_of_run(const po::variables_map& values);

// Throws UsageError, which says what for the options are, when one of them is given.
void refuse_options(const po::variables_map& values, const po::options_description& options,
                    const std::string& purpose);

}  // namespace kvmem::apps
