// Data sets of questions with the sentences that may answer them (datasets/README.md has the file).
//
// Several threads may read a data set at once.
#pragma once

#include "kvmem/core/types.hpp"
#include "kvmem/io/dataset_info.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// A question with its candidates: sentences in the order of their document, if they come from one.
struct SelectionQuestion {
    std::string id;    // as it was imported
    std::string text;  // of the question
    // Of the candidates' document, and of its section; may be empty.
    std::string title{}, heading{};
    std::vector<std::string> sentences{};  // at least one
    std::vector<std::uint8_t> right{};     // for each sentence: 1 if it answers the question, otherwise 0

    // The number of candidates, and of those that answer.
    Index size() const { return std::ssize(sentences); }
    Index answers() const;
    // Whether all contents are equal.
    bool operator==(const SelectionQuestion&) const = default;
};

// A kvmem-sentences file.
struct SentencesDataset {
    DatasetInfo info;                                              // what the file says about itself
    std::map<std::string, std::vector<SelectionQuestion>> splits;  // "train", "valid" and "test", those that are there

    // The questions of a split. Throws Error, with the names that are there, for another one.
    const std::vector<SelectionQuestion>& split(const std::string& name) const;

    // Throws Error unless every number and length is consistent.
    void validate(const std::string& where) const;

    // Whether all contents are equal.
    bool operator==(const SentencesDataset&) const = default;
};

// Reads a kvmem-sentences file without trust in its contents. Throws Error that says what is wrong with the file, also
// for contents larger than half of the memory that this process may have. Any thread may call it.
SentencesDataset load_sentences(const std::filesystem::path& path);
// The same for a file's bytes; `name` stands for the path in errors.
SentencesDataset load_sentences(std::span<const std::byte> bytes, const std::string& name);

// Replaces `path` by a kvmem-sentences file, all or nothing. Throws Error.
void save_sentences(const SentencesDataset& dataset, const std::filesystem::path& path);

}  // namespace kvmem
