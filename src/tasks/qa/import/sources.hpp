// The importers of kvmem/tasks/qa/import.hpp on texts in memory. They ignore the paths of the options.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"
#include "tasks/qa/import/source.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

struct TypedSource {
    Source questions;
    std::optional<Source> types;  // a line for each question
};

struct MetaqaSources {
    std::vector<TypedSource> train, valid, test, split;
    std::optional<Source> asked_facts{};
};

QaDataset metaqa_from(Source kb, MetaqaSources sources, const ImportOptions& options, const MetaqaOptions& metaqa);

QaDataset wikimovies_from(const Source& kb, const std::optional<Source>& entities, const QuestionSources& questions,
                          const ImportOptions& options);

QaDataset kb_from(const std::vector<Source>& facts, const std::optional<Source>& template_source,
                  const TemplateOptions& templates, const QuestionSources& questions, const ImportOptions& options);

struct BabiName {
    Index number;       // of the task
    std::string task;   // "qa7_counting"
    std::string split;  // "train", "valid" or "test"
};

// What a file called like "qa7_counting_train.txt" or "qa7_train.txt" holds; nothing for other names.
std::optional<BabiName> babi_name(std::string_view file);

struct BabiSource {
    BabiName name;
    Source source;
};

QaDataset babi_from(const std::vector<BabiSource>& files, const ImportOptions& options);

QaDataset jsonl_from(const QuestionSources& questions, const ImportOptions& options);

}  // namespace kvmem
