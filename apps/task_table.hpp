// What the program does with the data sets and runs of each task.
#pragma once

#include "plot_page.hpp"
#include "program.hpp"
#include "tasks.hpp"
#include "trained_model.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace kvmem::apps {

// What verbs do with the data sets and runs of a task.
struct TaskVerbs {
    const TaskType& (*type)();
    int (*evaluate)(const po::variables_map& values);
    PlotPage (*plot)(const po::variables_map& values);
    void (*inspect_data)(const std::filesystem::path& data, const po::variables_map& values);
    void (*inspect_model)(const std::filesystem::path& model, bool json);
    std::unique_ptr<TrainedModel> (*open)(const std::filesystem::path& model);
};
const TaskVerbs& verbs_of(const Task& task);

// The formats of the data sets of all tasks.
std::vector<std::string> data_formats();
// The task of a data set. Throws Error for a file of another format.
const Task& task_of_data(const std::filesystem::path& data);

// The directory or model file that the option "run", or another one, names. Throws Error when nothing is there.
std::filesystem::path find_run(const po::variables_map& values, const std::string& option = "run");

// The data set that the option "data" names, or else the one that the run was trained on. Throws UsageError for a model
// file, and Error when it is gone.
std::string data_of_run(const po::variables_map& values);

// Throws UsageError, which says what for the options are, when one of them is given.
void refuse_options(const po::variables_map& values, const po::options_description& options,
                    const std::string& purpose);

}  // namespace kvmem::apps
