// A question-answering data set with its memories, as the kvmem-qa file holds it (datasets/README.md).
#pragma once

#include "kvmem/core/ragged.hpp"
#include "kvmem/io/dataset_info.hpp"
#include "kvmem/text/vocabulary.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kvmem {

// The slots of a memory: slot i has the tokens key[i], by which it is addressed, and the tokens value[i].
struct Slots {
    // Both have a row for each slot.
    Ragged<Token> key;
    Ragged<Token> value;

    // The number of slots.
    Index size() const { return key.size(); }
    // Adds one slot.
    void push(std::span<const Token> slot_key, std::span<const Token> slot_value) {
        key.push_row(slot_key);
        value.push_row(slot_value);
    }
    bool operator==(const Slots&) const = default;
};

// What a slot was read from: bytes [begin, end) of the file of a document, which has a number in
// QaDataset::documents; or -1 for a slot of no document.
struct SlotOrigin {
    // The document, and its bytes.
    Index document, begin, end;
    // Whether all are equal.
    bool operator==(const SlotOrigin&) const = default;
};

// The examples of one split. Example i asks question[i]; each of the tokens answer[i] is right, and without any the
// question is unanswerable.
struct Split {
    // Both have a row for each example.
    Ragged<Token> question;
    Ragged<Token> answer;
    // Slots that one example alone reads: those of example i are [local_offsets[i], local_offsets[i + 1]) of
    // `local_slots`. Both are empty in a data set whose questions all read the shared memory.
    Slots local_slots;
    std::vector<Index> local_offsets;
    // The local slots of each example that its answer rests on, counted from its first one; may be empty.
    Ragged<Index> support;
    std::vector<Index> task;  // the task of each example, a number in QaDataset::tasks; may be empty

    // The number of examples.
    Index size() const { return question.size(); }
    // Whether examples bring slots of their own.
    bool has_local_memory() const { return !local_offsets.empty(); }
    // An example's first local slot, and one past its last; equal without local slots.
    std::pair<Index, Index> local_slots_of(Index example) const {
        if (!has_local_memory()) return {0, 0};
        const auto i = static_cast<std::size_t>(example);
        return {local_offsets[i], local_offsets[i + 1]};
    }
    bool operator==(const Split&) const = default;
};

namespace documents {
struct Corpus;
}

// Which shard of a data set a file is (shards.hpp).
struct ShardOf {
    // An id of the contents of all shards, the number of this one from 0, and the number of all.
    std::string set;
    Index number = 0, count = 1;
    // Whether its first file of documents goes on where that of the shard before ends.
    bool continues = false;
    // Whether all are equal.
    bool operator==(const ShardOf&) const = default;
};

// A kvmem-qa file.
struct QaDataset {
    // What the file says about itself, and the texts of all tokens.
    DatasetInfo info;
    Vocabulary vocabulary;
    Slots memory;                                          // shared by all examples; may be empty
    std::vector<SlotOrigin> origin;                        // of each slot, if memory is read from documents; or empty
    std::vector<Token> candidates;                         // the tokens that may be answers; they rise
    std::vector<std::string> tasks;                        // the names of the tasks of examples; may be empty
    std::map<std::string, Split> splits;                   // "train", "valid", "test"; any may be missing
    std::shared_ptr<const documents::Corpus> documents{};  // what was read (documents/postings.hpp), or none
    std::optional<ShardOf> shard{};                        // of a shard's file

    // The split of this name. Throws Error with the names of the splits that exist.
    const Split& split(const std::string& name) const;
    // Throws Error unless every token, offset and length is consistent.
    void validate(const std::string& where) const;
    // Fills the vocabulary's counts from the training split and the shared memory.
    void count_tokens();
};

// The part of a file that is read. memory: no splits, if questions share a memory, which is enough to answer questions.
enum class DatasetParts { all, memory };

// Reads a kvmem-qa file, or the manifest of one in shards, which are joined. Nothing in it is trusted. Throws Error
// that says what is wrong with the file, also for contents larger than half of the memory that this process may have.
// Threads may read and write data sets at once; HDF5 serves them in turn.
QaDataset load_dataset(const std::filesystem::path& path, DatasetParts parts = DatasetParts::all);
// The same for a file's bytes; `name` stands for the path in errors.
QaDataset load_dataset(std::span<const std::byte> bytes, const std::string& name);

// Replaces `path` by a kvmem-qa file, all or nothing. Throws Error.
void save_dataset(const QaDataset& dataset, const std::filesystem::path& path);

}  // namespace kvmem
