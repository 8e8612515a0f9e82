#include "tasks.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/io/file_format.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/tasks/qa/shards.hpp"
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
        {question_answering, "kvmem-qa"},   {sequence_transduction, "kvmem-pairs"},
        {recommendation, "kvmem-events"},   {answer_selection, "kvmem-sentences"},
        {language_modelling, "kvmem-text"}, {next_sentence_prediction, "kvmem-qa"},
    };
    return table;
}

std::string data_format(const fs::path& data) { return is_sharded_dataset(data) ? "kvmem-qa" : file_format(data); }

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

// The task of this name that has the kind of model, or the first that has it, where "" is the name.
static const Task* find_by_kind(std::string_view kind, std::string_view task_type) {
    for (const Task* task : tasks_of_model(kind))
        if (task_type.empty() || task->type().name() == task_type) return task;
    return nullptr;
}

namespace {

// The task and the kind of model of a run; "" for what is not told.
struct NamedModel {
    std::string task_type, kind;
};

}  // namespace

static std::string text_in(const json::object* object, const char* field) {
    const json::value* value = object ? object->if_contains(field) : nullptr;
    return value && value->is_string() ? std::string(value->as_string()) : "";
}

// What the configuration of a run names.
static NamedModel named_in(const std::string& config) {
    json::error_code code;
    const json::value run = json::parse(config, code);
    const json::object* object = code ? nullptr : run.if_object();
    const json::value* model = object ? object->if_contains("model") : nullptr;
    return {text_in(object, "task_type"), text_in(model ? model->if_object() : nullptr, "model")};
}

static NamedModel named_by_file(const fs::path& model) {
    const hdf5::Reader file(model, model_format, model_version);
    return {file.attribute("/", "task_type"), file.attribute("/", "model")};
}

static std::string one_of(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "one of " : ", ") + name;
    return text;
}

static std::string all_kinds() {
    std::vector<std::string> kinds;
    find_task([&](const ModelType& model) {
        if (std::ranges::find(kinds, model.kind()) == kinds.end()) kinds.push_back(model.kind());
        return false;
    });
    return one_of(kinds);
}

// Runs of the first versions name no kind, and were all of the first task. Other configurations throw their own error.
const Task& task_of_run(const fs::path& run) {
    const RunFiles files{run};
    const bool is_file = !is_folder(run);
    const NamedModel named = is_file                    ? named_by_file(run)
                             : is_there(files.config()) ? named_in(read_file(files.config()))
                                                        : NamedModel();
    if (const Task* task = find_by_kind(named.kind, named.task_type)) return *task;
    if (is_file)
        throw Error({.what = "no such model", .expected = all_kinds(), .got = named.kind, .where = run.string()});
    files.read_config(all_tasks().front().type());
    return all_tasks().front();
}

std::vector<const Task*> tasks_of_model(std::string_view kind) {
    std::vector<const Task*> tasks;
    for (const Task& task : all_tasks())
        if (std::ranges::any_of(task.type().models(), [&](auto* model) { return model->kind() == kind; }))
            tasks.push_back(&task);
    return tasks;
}

const Task& task_of_model(std::string_view kind, std::string_view data_format) {
    const std::vector<const Task*> tasks = tasks_of_model(kind);
    if (tasks.empty()) throw UsageError({.what = "no such model", .expected = all_kinds(), .got = std::string(kind)});
    const auto at = std::ranges::find(tasks, data_format, &Task::data_format);
    const Task* const task = at == tasks.end() ? tasks.front() : *at;
    return *task;
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
