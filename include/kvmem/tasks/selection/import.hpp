// Importers of questions with candidate sentences (datasets/README.md lists them). Errors name file and line
// ("train.tsv:17").
//
// Files are UTF-8 with or without a byte order mark, and have any line ends.
#pragma once

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/selection/dataset.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// How a file is written; `automatic` is recognised by its first line.
enum class SentencesLayout {
    automatic,
    // Lines question<TAB>sentence<TAB>0 or 1. Neighbouring lines with the same question are its candidates. The first
    // line may name the columns as WikiQA does: Question, Sentence and Label, and maybe QuestionID, DocumentTitle and
    // Heading.
    tsv,
    // TrecQA's elements QApairs with an id, which hold question, positive and negative. Of each, the first line counts:
    // words with tabs between them.
    trecqa,
    // {"question", "candidates": [sentences], "answers": [numbers of the right ones, from 0]}, an object a line, and
    // maybe "id", "title" or "article", "heading" or "section".
    jsonl
};
inline std::span<const char* const> choices(SentencesLayout) {
    static constexpr const char* names[] = {"auto", "tsv", "trecqa", "jsonl"};
    return names;
}

// What is imported, and how.
struct SentencesImport {
    // Files of each split; "-" is standard input.
    std::vector<std::filesystem::path> train{}, valid{}, test{};
    SentencesLayout layout = SentencesLayout::automatic;  // of all files
    // The share of the training questions that becomes "valid"; questions with one title stay together. None: a tenth
    // where `valid` is empty, otherwise 0.
    std::optional<double> valid_fraction{};
    std::uint64_t seed = 1;  // of that choice
    DatasetInfo info{};      // what the data set will say about itself
    // If not empty, called with the error of each bad line, which is then left out. Otherwise the error is thrown.
    std::function<void(const Error& bad)> on_bad_line{};
    // If not empty, called at times with the name of the file being read and the number of its lines that are done.
    std::function<void(const std::string& what, Index lines)> progress{};
};

// Reads all files. Where nine lists of ten in a file have their right sentences first, its candidates are put in an
// order that says nothing. Throws Error for a file that cannot be read or has no questions, and UsageError for no
// files, a fraction that is not from 0 to below 1, and one beside validation files.
SentencesDataset import_sentences(const SentencesImport& import);

}  // namespace kvmem
