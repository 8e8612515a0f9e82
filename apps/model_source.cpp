#include "model_source.hpp"

#include <algorithm>

namespace kvmem::apps {

ModelSource open_model(const po::variables_map& values, const std::string& memory_option) {
    const std::filesystem::path run = required(values, "run", "a run directory or a model file");
    const bool directory = std::filesystem::is_directory(run);
    std::string data = values.count(memory_option) ? values[memory_option].as<std::string>() : "";
    if (data.empty() && !directory)
        throw UsageError({.what = "a model file does not say which memory to read",
                          .expected = "--" + memory_option,
                          .got = {},
                          .where = run.string(),
                          .hint = "or give the run directory"});
    const RunFiles files{run};
    if (data.empty()) data = files.read_config().data;
    if (!std::filesystem::exists(data))
        throw Error({.what = "the data set is not there",
                     .expected = {},
                     .got = {},
                     .where = data,
                     .hint = "name another with --" + memory_option});
    return {load_model(directory ? files.model() : run), load_dataset(data)};
}

void translate_dataset(QaDataset& dataset, std::span<const Token> to) {
    const auto slots = [&](Slots& s) {
        translate(s.key.values, to);
        translate(s.value.values, to);
    };
    slots(dataset.memory);
    for (auto& [name, split] : dataset.splits) {
        translate(split.question.values, to);
        translate(split.answer.values, to);
        slots(split.own);
    }
    translate(dataset.candidates, to);
    std::sort(dataset.candidates.begin(), dataset.candidates.end());
}

}  // namespace kvmem::apps
