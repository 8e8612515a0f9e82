// A question-answering data set with its memories, as the kvmem-qa file holds it (datasets/README.md).
#pragma once

#include "kvmem/core/ragged.hpp"
#include "kvmem/text/vocabulary.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// Slots: slot i is found by the tokens key[i] and gives the tokens value[i].
struct Slots {
    Ragged<Token> key;
    Ragged<Token> value;

    Index size() const { return key.size(); }
    bool operator==(const Slots&) const = default;
};

// Questions of one split. Example i asks question[i]; any of the tokens answer[i] is right (none: unanswerable).
struct Split {
    Ragged<Token> question;
    Ragged<Token> answer;
    // Slots that belong to one example alone: example i owns slots [own_offsets[i], own_offsets[i + 1]) of
    // `own`. Both are empty in a data set whose questions all read the shared memory.
    Slots local_slots;
    std::vector<Index> local_offsets;
    Ragged<Index> support;    // of each example: which of its own slots, from 0, the answer rests on; may be empty
    std::vector<Index> task;  // of each example: a number in QaDataset::tasks; may be empty

    Index size() const { return question.size(); }
    bool has_local_memory() const { return !local_offsets.empty(); }
    bool operator==(const Split&) const = default;
};

struct DatasetInfo {
    std::string title;
    std::string source;
    std::string license;
    std::string generator;  // the command and version that wrote the file
};

struct QaDataset {
    DatasetInfo info;
    Vocabulary vocabulary;
    Slots memory;                         // shared by all examples; may be empty
    std::vector<Token> candidates;        // the tokens that may be answers, rising
    std::vector<std::string> tasks;       // names of the tasks that examples belong to; may be empty
    std::map<std::string, Split> splits;  // "train", "valid", "test"; any may be missing

    // The split of this name. Throws Error that lists the ones there are.
    const Split& split(const std::string& name) const;
    // Throws Error unless every token, offset and length is consistent.
    void validate(const std::string& where) const;
    // Fills the vocabulary's counts from the training split and the shared memory.
    void count_tokens();
};

// What is read of a file. memory: no splits, if there is a memory that questions share; who only asks needs none.
enum class DatasetParts { all, memory };

// Reads a kvmem-qa file, trusting nothing in it. Throws Error that says what is wrong with the file, also when what it
// holds takes more than half of the memory that this process may have. Several threads may read and write data sets at
// once; HDF5 serves them in turn.
QaDataset load_dataset(const std::filesystem::path& path, DatasetParts parts = DatasetParts::all);
// The same for a file's bytes; `name` stands for the path in errors.
QaDataset load_dataset(std::span<const std::byte> bytes, const std::string& name);

// Writes a kvmem-qa file in place of `path`, all or nothing. Throws Error.
void save_dataset(const QaDataset& dataset, const std::filesystem::path& path);

}  // namespace kvmem
