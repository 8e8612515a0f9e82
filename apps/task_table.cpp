#include "task_table.hpp"

#include "file_kind.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "kvmem/tasks/recommendation/task_type.hpp"
#include "kvmem/tasks/selection/task_type.hpp"
#include "kvmem/tasks/sequences/task_type.hpp"
#include "kvmem/train/checkpoint.hpp"
#include "kvmem/train/session.hpp"
#include "task_verbs.hpp"

#include <algorithm>

namespace kvmem::apps {

namespace fs = std::filesystem;

const TaskVerbs& verbs_of(const Task& task) {
    static const TaskVerbs table[] = {
        {question_answering, evaluate_questions, plot_questions, inspect_questions, inspect_reader,
         open_trained_reader},
        {sequence_transduction, evaluate_pairs, plot_pairs, inspect_pairs, inspect_network, open_trained_network},
        {recommendation, evaluate_events, plot_events, inspect_events, inspect_recommender, open_trained_recommender},
        {answer_selection, evaluate_sentences, plot_sentences, inspect_sentences, inspect_selector,
         open_trained_selector},
        {language_modelling, evaluate_text, plot_text, inspect_text, inspect_network, open_trained_network},
        {next_sentence_prediction, evaluate_next_sentence, plot_next_sentence, inspect_questions, inspect_next_sentence,
         open_trained_next_sentence},
    };
    const auto at = std::ranges::find(table, task.type, &TaskVerbs::type);
    if (at == std::end(table))
        throw Error({.what = "the program has no verbs for this task", .got = task.type().name()});
    return *at;
}

std::vector<std::string> data_formats() {
    std::vector<std::string> formats;
    for (const Task& task : all_tasks())
        if (task_of_format(task.data_format) == &task) formats.emplace_back(task.data_format);
    return formats;
}

const Task& task_of_data(const fs::path& data) {
    require_format(data, data_formats(), "a data set");
    return *task_of_format(data_format(data));
}

fs::path find_run(const po::variables_map& values, const std::string& option) {
    fs::path run = required(values, option, "a run directory or a model file");
    if (!is_there(run))
        throw Error({.what = "no such run directory or model file",
                     .where = run.string(),
                     .hint = "train one with 'kvmem train', or read documents with 'kvmem import documents'"});
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
