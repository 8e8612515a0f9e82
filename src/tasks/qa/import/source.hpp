// The files of questions that importers read.
#pragma once

#include "io/text_source.hpp"
#include "kvmem/tasks/qa/import.hpp"

#include <string_view>
#include <vector>

namespace kvmem {

struct QuestionSources {
    std::vector<Source> train, valid, test;
};

// Throws UsageError for a validation fraction that is not in (0, 1), and for one beside validation files.
void require_valid_fraction(const ImportOptions& options);

// The files of questions. Throws UsageError for wrong options before it reads anything, and Error for files.
QuestionSources read_question_sources(const ImportOptions& options);

// Calls use(line, location) for each line that is not blank.
template <class Use>
void for_each_line(const Source& source, const ImportOptions& options, Use use) {
    for_each_line(source, options.progress, use);
}

// Calls use(split, line, location) for each line, split by split.
template <class Use>
void for_each_line(const QuestionSources& questions, const ImportOptions& options, Use use) {
    const auto read = [&](const char* split, const std::vector<Source>& sources) {
        for (const Source& source : sources)
            for_each_line(source, options, [&](std::string_view line, const Location& loc) { use(split, line, loc); });
    };
    read("train", questions.train);
    read("valid", questions.valid);
    read("test", questions.test);
}

}  // namespace kvmem
