#include "model_source.hpp"

#include "kvmem/core/file.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/qa/edit_memory.hpp"
#include "kvmem/tasks/qa/model_file.hpp"
#include "kvmem/tasks/qa/tasks.hpp"
#include "kvmem/train/group.hpp"
#include "ranks.hpp"
#include "store_text.hpp"
#include "task_table.hpp"

#include <algorithm>
#include <optional>

namespace kvmem::apps {

namespace {

// The files that the options name.
struct Source {
    std::filesystem::path path;
    bool directory;
    std::string data;
    std::vector<std::string> tasks;   // the run's tasks, unless another data set is named; empty: all
    std::optional<RunConfig> config;  // of a run directory
};

}  // namespace

static std::unique_ptr<Model> model_at(const std::filesystem::path& run) { return load_model(model_file_of(run)); }

static std::filesystem::path find_question_run(const po::variables_map& values) {
    const std::filesystem::path run = find_run(values);
    const Task &task = task_of_run(run), &questions = all_tasks().front();
    if (&task != &questions)
        throw Error({.what = "the model answers no questions",
                     .expected = "one for " + questions.type().name(),
                     .got = "one for " + task.type().name(),
                     .where = run.string(),
                     .hint = "'kvmem translate', 'generate', 'recommend' or 'predict' may read it"});
    return run;
}

std::unique_ptr<Model> open_model_alone(const po::variables_map& values) { return model_at(find_question_run(values)); }

static Source find_source(const po::variables_map& values, const std::string& memory_option) {
    const std::filesystem::path run = find_question_run(values);
    Source source{.path = run,
                  .directory = is_folder(run),
                  .data = values.count(memory_option) ? values[memory_option].as<std::string>() : "",
                  .tasks = {},
                  .config = {}};
    if (source.data.empty() && !source.directory)
        throw UsageError({.what = "a model file does not say which memory to read",
                          .expected = "--" + memory_option,
                          .where = run.string(),
                          .hint = "or give the run directory"});
    const RunFiles files{run};
    if (source.directory && (source.data.empty() || is_there(files.config())))
        source.config = files.read_config(task_of_run(run).type());
    if (source.data.empty()) {
        source.data = source.config->data;
        source.tasks = source.config->tasks;
    }
    if (!is_there(source.data))
        throw Error({.what = "the data set is not there",
                     .where = source.data,
                     .hint = "name another with --" + memory_option});
    return source;
}

// Opens the two files at once: of a large memory both take long.
static ModelSource only_model(const Source& source, DatasetParts parts) {
    ModelSource opened;
    parallel_for(2, 1, [&](Index first, Index last) {
        if (first == 0) opened.memory = load_dataset(source.data, source.tasks.empty() ? parts : DatasetParts::all);
        if (last == 2) opened.model = model_at(source.path);
    });
    keep_tasks(opened.memory, source.tasks);
    return opened;
}

ModelSource open_model(const po::variables_map& values, const std::string& memory_option) {
    return only_model(find_source(values, memory_option), DatasetParts::memory);
}

std::vector<ModelSource> open_models(const po::variables_map& values, const std::string& memory_option) {
    const Source source = find_source(values, memory_option);
    std::vector<ModelSource> all;
    if (!source.config || !source.config->per_task) {
        all.push_back(only_model(source, DatasetParts::all));
        return all;
    }
    const QaDataset data = load_dataset(source.data);
    for (const MemberRun& member :
         member_runs(RunFiles{source.path}, *source.config, task_names(data, source.config->tasks))) {
        all.push_back({load_model(member.files.model()), data});
        keep_tasks(all.back().memory, member.tasks);
    }
    if (all.empty()) RunFiles{source.path}.model();  // throws: there is none
    return all;
}

void add_answer_options(CommandLine& line, AnswerOptions& options) {
    line.options.add_options()                                                   //
        ("memory,m", po::value<std::string>(), "data set whose memory to read")  //
        ("store", po::value<std::string>(),
         "read the memory's vectors from the store that 'kvmem index --run' made of it; the answers are the same")  //
        ("top,k", po::value(&options.candidates)->default_value(options.candidates), "answers to give")             //
        ("all", po::bool_switch(&options.all_as_good),
         "give all answers of at least half of the first one's weight")  //
        ("min-certainty", po::value<double>(),
         "refuse answers of less certainty, 0 to 1; 0: answer always [as calibrated in training]")           //
        ("slots", po::value(&options.slots)->default_value(options.slots), "memories to give for each hop")  //
        ("add-fact", po::value<std::vector<std::string>>()->composing(),
         "subject|relation|object that the memory shall hold too; may be given several times")  //
        ("remove-fact", po::value<std::vector<std::string>>()->composing(), "... that it shall not hold");
    line.hidden.add_options()("k", po::value(&options.candidates));
}

static void read_from(Answerer& answerer, const std::string& store) {
    try {
        answerer.read_from(open_store(store, store::Access::map));
    } catch (const Error& e) {
        throw Error(e.problem_at(e.problem().where.empty() ? store : e.problem().where));
    }
}

ModelOfRank open_model_of_rank(const po::variables_map& values, const std::string& memory_option,
                               const Cluster& cluster) {
    const Source source = find_source(values, memory_option);
    if (!source.tasks.empty())
        throw Error({.what = "a run on some tasks of a data set does not read shards",
                     .expected = "one on all of it",
                     .where = source.path.string()});
    return {model_at(source.path), open_shards_of_rank(source.data, cluster)};
}

void check_answer_options(const po::variables_map& values, AnswerOptions& options) {
    require_at_least(options.candidates, 1, "top");
    if (values.count("min-certainty")) options.min_certainty = values["min-certainty"].as<double>();
    require_option(options.min_certainty.value_or(0) >= 0 && options.min_certainty.value_or(0) <= 1, "min-certainty",
                   "a number from 0 to 1");
    require_at_least(options.slots, 0, "slots");
}

Answerer open_answerer(const po::variables_map& values, AnswerOptions& options) {
    check_answer_options(values, options);
    ModelSource source = open_model(values, "memory");
    const auto facts = [&](const char* option) {
        return values.count(option) ? values[option].as<std::vector<std::string>>() : std::vector<std::string>{};
    };
    for (const std::string& fact : facts("remove-fact")) remove_fact(source.memory, parse_fact(fact));
    for (const std::string& fact : facts("add-fact")) add_fact(source.memory, parse_fact(fact));
    Answerer answerer(std::move(source.model), std::move(source.memory));
    if (values.count("store")) {
        require_option(!values.count("add-fact") && !values.count("remove-fact"), "store",
                       "a memory as it was when the store was made, without --add-fact and --remove-fact");
        read_from(answerer, values["store"].as<std::string>());
    }
    return answerer;
}

}  // namespace kvmem::apps
