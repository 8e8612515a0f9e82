#include "task_table.hpp"

#include "file_kind.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/io/file_format.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "kvmem/tasks/recommendation/task_type.hpp"
#include "kvmem/tasks/selection/task_type.hpp"
#include "kvmem/tasks/sequences/task_type.hpp"
#include "kvmem/train/checkpoint.hpp"
#include "kvmem/train/session.hpp"
#include "task_verbs.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace kvmem::apps {

namespace fs = std::filesystem;
namespace json = boost::json;

std::span<const TaskVerbs> task_table() {
    static const TaskVerbs table[] = {
        {question_answering, "kvmem-qa", evaluate_questions, plot_questions, inspect_questions, inspect_reader,
         open_trained_reader},
        {sequence_transduction, "kvmem-pairs", evaluate_pairs, plot_pairs, inspect_pairs, inspect_network,
         open_trained_network},
        {recommendation, "kvmem-events", evaluate_events, plot_events, inspect_events, inspect_recommender,
         open_trained_recommender},
        {answer_selection, "kvmem-sentences", evaluate_sentences, plot_sentences, inspect_sentences, inspect_selector,
         open_trained_selector},
        {language_modelling, "kvmem-text", evaluate_text, plot_text, inspect_text, inspect_network,
         open_trained_network},
    };
    return table;
}

const TaskVerbs& task_of_data(const fs::path& data) {
    std::vector<std::string> formats;
    for (const TaskVerbs& task : task_table()) formats.emplace_back(task.data_format);
    require_format(data, formats, "a data set");
    const std::string format = file_format(data);
    return *std::ranges::find(task_table(), format, &TaskVerbs::data_format);
}

// Calls found(task, model) for each model of each task until it returns true. Returns that task, or null.
template <class Found>
static const TaskVerbs* find_task(Found found) {
    for (const TaskVerbs& task : task_table())
        for (const ModelType* model : task.type().models())
            if (found(*model)) return &task;
    return nullptr;
}

static const TaskVerbs* find_by_kind(std::string_view kind) {
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

// Runs of the first versions name no kind, and were all of the first task. It also says what is wrong with a file.
const TaskVerbs& task_of_run(const fs::path& run) {
    const RunFiles files{run};
    std::string kind;
    if (!is_folder(run))
        kind = hdf5::Reader(run, model_format, model_version).attribute("/", "model");
    else if (is_there(files.config()))
        kind = kind_in(read_file(files.config()));
    const TaskVerbs* task = find_by_kind(kind);
    return task ? *task : task_table().front();
}

const TaskVerbs& task_of_model(std::string_view kind) {
    if (const TaskVerbs* task = find_by_kind(kind)) return *task;
    std::vector<std::string> kinds;
    find_task([&](const ModelType& model) {
        kinds.push_back(model.kind());
        return false;
    });
    throw UsageError({.what = "no such model", .expected = "one of " + joined(kinds), .got = std::string(kind)});
}

const TaskVerbs& task_of_preset(std::string_view name) {
    std::vector<std::string> names;
    const TaskVerbs* task = find_task([&](const ModelType& model) {
        for (const auto& [preset, config] : model.presets) {
            names.push_back(preset);
            if (preset == name) return true;
        }
        return false;
    });
    if (task) return *task;
    throw UsageError({.what = "no such preset", .expected = "one of " + joined(names), .got = std::string(name)});
}

fs::path find_run(const po::variables_map& values, const std::string& option) {
    fs::path run = required(values, option, "a run directory or a model file");
    if (!is_there(run))
        throw Error({.what = "no such run directory or model file",
                     .where = run.string(),
                     .hint = "train one with 'kvmem train'"});
    if (!is_folder(run))
        require_format(run, {model_format}, "a run directory or a model file");
    else if (!is_there(RunFiles{run}.config()))
        throw Error({.what = "no run here",
                     .expected = "config.json",
                     .got = "none",
                     .where = run.string(),
                     .hint = "begin one with 'kvmem train DATA --run DIRECTORY', or read a folder of text with 'kvmem "
                             "import documents " +
                             quoted(run.string()) + " -o FILE' and ask FILE"});
    return run;
}

std::string data_of_run(const po::variables_map& values) {
    const fs::path run = find_run(values);
    std::string data = values.count("data") ? values["data"].as<std::string>() : "";
    if (data.empty() && !is_folder(run))
        throw UsageError({.what = "a model file does not say which data to read",
                          .expected = "--data",
                          .where = run.string(),
                          .hint = "or give the run directory"});
    if (data.empty()) data = RunFiles{run}.read_config(task_of_run(run).type()).data;
    if (!is_there(data))
        throw Error({.what = "the data set is not there", .where = data, .hint = "name another with --data"});
    return data;
}

void refuse_options(const po::variables_map& values, const po::options_description& options,
                    const std::string& purpose) {
    for (const auto& option : options.options()) {
        const std::string& name = option->long_name();
        if (values.count(name) && !values[name].defaulted())
            throw UsageError({.what = "--" + name + " does not go with this run", .expected = purpose});
    }
}

}  // namespace kvmem::apps
