#include "tasks.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/io/file_format.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "kvmem/tasks/recommendation/task_type.hpp"
#include "kvmem/tasks/sequences/task_type.hpp"
#include "kvmem/train/checkpoint.hpp"

#include <algorithm>
#include <array>

namespace kvmem::python {

namespace fs = std::filesystem;

static const std::array<Task, 4>& tasks() {
    static const std::array<Task, 4> all{{{&question_answering(), "kvmem-qa"},
                                          {&sequence_transduction(), "kvmem-pairs"},
                                          {&recommendation(), "kvmem-events"},
                                          {&language_modelling(), "kvmem-text"}}};
    return all;
}

// The first task with a model for which is_it(model). Otherwise throws UsageError with all that name_of(model) gives.
template <class IsIt, class NamesOf>
static const Task& find(const char* what, std::string_view got, IsIt is_it, NamesOf names_of) {
    std::string names;
    for (const Task& task : tasks())
        for (const ModelType* model : task.type->models()) {
            if (is_it(*model)) return task;
            names += names_of(*model);
        }
    throw UsageError({.what = what, .expected = "one of" + names, .got = std::string(got)});
}

const Task& task_of_model(std::string_view kind) {
    return find(
        "no such model", kind, [&](const ModelType& model) { return model.kind() == kind; },
        [](const ModelType& model) { return " " + model.kind(); });
}

static std::string preset_names_of(const ModelType& model) {
    std::string names;
    for (const auto& preset : model.presets) names += " " + preset.first;
    return names;
}

RunConfig config_of_preset(std::string_view name) {
    const auto has_it = [&](const ModelType& model) {
        return std::ranges::any_of(model.presets, [&](const auto& preset) { return preset.first == name; });
    };
    return preset(*find("no such preset", name, has_it, preset_names_of).type, name);
}

const Task& task_of_data(const fs::path& data) {
    const std::string format = file_format(data);
    const auto task = std::ranges::find(tasks(), format, &Task::data_format);
    if (task != tasks().end()) return *task;
    throw Error({.what = "no data set that Python trains on",
                 .expected = "one of questions, pairs, texts or events",
                 .got = format,
                 .where = data.string(),
                 .hint = "'python -m kvmem train' takes all of them"});
}

// Whether the configuration of a run is one of the task's.
static bool is_of(const RunFiles& files, const TaskType& task) {
    try {
        files.read_config(task);
        return true;
    } catch (const Error&) {
        return false;
    }
}

const Task& task_of_run(const fs::path& run) {
    if (!is_there(run)) throw Error({.what = "no such run directory or model file", .where = run.string()});
    if (!is_folder(run)) return task_of_model(hdf5::Reader(run, model_format, model_version).attribute("/", "model"));
    const auto task = std::ranges::find_if(tasks(), [&](const Task& t) { return is_of(RunFiles{run}, *t.type); });
    if (task != tasks().end()) return *task;
    RunFiles{run}.read_config(*tasks().front().type);  // throws: it says what is wrong
    return tasks().front();
}

fs::path model_file(const fs::path& run, const TaskType& task) {
    const TaskType& type = *task_of_run(run).type;
    if (&type != &task)
        throw Error({.what = "the model is of another task",
                     .expected = "one for " + task.name(),
                     .got = "one for " + type.name(),
                     .where = run.string()});
    return is_folder(run) ? RunFiles{run}.model() : run;
}

std::optional<RunConfig> config_of_run(const fs::path& run, const TaskType& task) {
    if (!is_folder(run)) return std::nullopt;
    return RunFiles{run}.read_config(task);
}

}  // namespace kvmem::python
