#include "tasks.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "kvmem/tasks/recommendation/task_type.hpp"
#include "kvmem/tasks/selection/task_type.hpp"
#include "kvmem/tasks/sequences/task_type.hpp"
#include "kvmem/train/checkpoint.hpp"
#include "kvmem/train/session.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace kvmem::apps {

namespace fs = std::filesystem;
namespace json = boost::json;

std::span<const Task> all_tasks() {
    static const Task table[] = {
        {question_answering, "kvmem-qa"},      {sequence_transduction, "kvmem-pairs"}, {recommendation, "kvmem-events"},
        {answer_selection, "kvmem-sentences"}, {language_modelling, "kvmem-text"},
    };
    return table;
}

const Task* task_of_format(std::string_view data_format) {
    const auto at = std::ranges::find(all_tasks(), data_format, &Task::data_format);
    return at == all_tasks().end() ? nullptr : &*at;
}

// Calls found(task, model) for each model of each task until it returns true. Returns that task, or null.
template <class Found>
static const Task* find_task(Found found) {
    for (const Task& task : all_tasks())
        for (const ModelType* model : task.type().models())
            if (found(*model)) return &task;
    return nullptr;
}

static const Task* find_by_kind(std::string_view kind) {
    return find_task([&](const ModelType& model) { return model.kind() == kind; });
}

// The kind of model in the configuration of a run, or "" for text that names none.
static std::string kind_in(const std::string& config) {
    json::error_code code;
    const json::value run = json::parse(config, code);
    const json::object* object = code ? nullptr : run.if_object();
    for (const char* field : {"model", "model"}) {
        const json::value* value = object ? object->if_contains(field) : nullptr;
        if (value && value->is_string()) return std::string(value->as_string());
        object = value ? value->if_object() : nullptr;
    }
    return {};
}

static std::string one_of(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "one of " : ", ") + name;
    return text;
}

static std::string all_kinds() {
    std::vector<std::string> kinds;
    find_task([&](const ModelType& model) {
        kinds.push_back(model.kind());
        return false;
    });
    return one_of(kinds);
}

// Runs of the first versions name no kind, and were all of the first task. Other configurations throw their own error.
const Task& task_of_run(const fs::path& run) {
    const RunFiles files{run};
    const bool is_file = !is_folder(run);
    const std::string kind = is_file ? hdf5::Reader(run, model_format, model_version).attribute("/", "model")
                             : is_there(files.config()) ? kind_in(read_file(files.config()))
                                                        : "";
    if (const Task* task = find_by_kind(kind)) return *task;
    if (is_file) throw Error({.what = "no such model", .expected = all_kinds(), .got = kind, .where = run.string()});
    files.read_config(all_tasks().front().type());
    return all_tasks().front();
}

const Task& task_of_model(std::string_view kind) {
    if (const Task* task = find_by_kind(kind)) return *task;
    throw UsageError({.what = "no such model", .expected = all_kinds(), .got = std::string(kind)});
}

const Task& task_of_preset(std::string_view name) {
    std::vector<std::string> names;
    const Task* task = find_task([&](const ModelType& model) {
        for (const auto& [preset, config] : model.presets) {
            names.push_back(preset);
            if (preset == name) return true;
        }
        return false;
    });
    if (task) return *task;
    throw UsageError({.what = "no such preset", .expected = one_of(names), .got = std::string(name)});
}

}  // namespace kvmem::apps
