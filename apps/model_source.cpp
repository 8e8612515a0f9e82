#include "model_source.hpp"

#include "kvmem/data/tasks.hpp"

#include <algorithm>

namespace kvmem::apps {

ModelSource open_model(const po::variables_map& values, const std::string& memory_option) {
    const std::filesystem::path run = required(values, "run", "a run directory or a model file");
    if (!std::filesystem::exists(run))
        throw Error({.what = "no such run directory or model file",
                     .expected = {},
                     .got = {},
                     .where = run.string(),
                     .hint = "train one with 'kvmem train'"});
    const bool directory = std::filesystem::is_directory(run);
    std::string data = values.count(memory_option) ? values[memory_option].as<std::string>() : "";
    if (data.empty() && !directory)
        throw UsageError({.what = "a model file does not say which memory to read",
                          .expected = "--" + memory_option,
                          .got = {},
                          .where = run.string(),
                          .hint = "or give the run directory"});
    const RunFiles files{run};
    std::vector<std::string> tasks;  // of the run's own data set
    if (data.empty()) {
        const RunConfig config = files.read_config();
        data = config.data;
        tasks = config.tasks;
    }
    if (!std::filesystem::exists(data))
        throw Error({.what = "the data set is not there",
                     .expected = {},
                     .got = {},
                     .where = data,
                     .hint = "name another with --" + memory_option});
    ModelSource source{load_model(directory ? files.model() : run), load_dataset(data)};
    keep_tasks(source.memory, tasks);
    return source;
}

void add_answer_options(CommandLine& line, AnswerOptions& options) {
    line.options.add_options()                                                                           //
        ("memory,m", po::value<std::string>(), "data set whose memory to read")                          //
        ("top,k", po::value(&options.candidates)->default_value(options.candidates), "answers to give")  //
        ("slots", po::value(&options.slots)->default_value(options.slots), "memories to give for each hop");
}

Answerer open_answerer(const po::variables_map& values, const AnswerOptions& options) {
    require_at_least(options.candidates, 1, "top");
    require_at_least(options.slots, 0, "slots");
    ModelSource source = open_model(values, "memory");
    return Answerer(std::move(source.model), std::move(source.memory));
}

void translate_dataset(QaDataset& dataset, std::span<const Token> to) {
    translate(dataset.memory, to);
    for (auto& [name, split] : dataset.splits) {
        translate(split.question.values, to);
        translate(split.answer.values, to);
        translate(split.own, to);
    }
    translate(dataset.candidates, to);
    std::sort(dataset.candidates.begin(), dataset.candidates.end());
}

}  // namespace kvmem::apps
