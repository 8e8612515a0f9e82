#include "task_files.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"

namespace kvmem::python {

namespace fs = std::filesystem;

const apps::Task& task_of_data(const fs::path& data) {
    const std::string format = apps::data_format(data);
    if (const apps::Task* task = apps::task_of_format(format)) return *task;
    throw Error({.what = "no data set that Python trains on",
                 .expected = "one of questions, pairs, texts, events or sentences",
                 .got = format,
                 .where = data.string()});
}

fs::path model_file(const fs::path& run, const TaskType& task) {
    if (!is_there(run)) throw Error({.what = "no such run directory or model file", .where = run.string()});
    const TaskType& type = apps::task_of_run(run).type();
    if (&type != &task)
        throw Error({.what = "the model is of another task",
                     .expected = "one for " + task.name(),
                     .got = "one for " + type.name(),
                     .where = run.string()});
    return model_file_of(run);
}

std::optional<RunConfig> config_of_run(const fs::path& run, const TaskType& task) {
    if (!is_folder(run)) return std::nullopt;
    return RunFiles{run}.read_config(task);
}

}  // namespace kvmem::python
