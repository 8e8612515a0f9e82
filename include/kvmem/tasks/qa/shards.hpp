// A data set in shards: a manifest, such as wiki.json, and beside it a kvmem-qa file for each shard, which another
// machine may hold (datasets/README.md, "Shards").
//
// Documents are dealt in their order, so that shards have about as many tokens each; the slots of a shared memory are
// dealt in theirs, and slots that were read from documents go with these. All shards have the whole vocabulary and all
// candidates; the first has the questions.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace kvmem {

// Deals a data set to shards. Throws Error for one that has neither documents nor a shared memory, or whose slots do
// not follow the order of their documents, and UsageError unless there are 1 to 1024 shards.
std::vector<QaDataset> deal(const QaDataset& dataset, Index shards);
// The data set of consecutive shards, at least one: that of all shards is the one that was dealt. Throws Error for
// shards that do not follow each other.
QaDataset join(std::vector<QaDataset> shards);

// What a manifest says.
struct ShardedDataset {
    // The id that all shards have.
    std::string set;
    // The path of each shard's file, its content hash, and the slots of all shards together.
    std::vector<std::filesystem::path> files;
    std::vector<std::string> hashes;
    Index slots = 0;
};

// Whether a file begins as a manifest does. False for what cannot be read.
[[nodiscard]] bool is_sharded_dataset(const std::filesystem::path& path);
// Reads a manifest alone. Throws Error.
ShardedDataset read_shard_manifest(const std::filesystem::path& path);

// The name of a shard's file, beside its manifest: "wiki.0-of-4.h5" of "wiki.json".
std::string shard_file_name(const std::filesystem::path& manifest, Index shard, Index shards);

// Writes shards, and last the manifest that names them. Each file is replaced all or nothing.
void save_shards(const std::vector<QaDataset>& shards, const std::filesystem::path& path);
// Reads one shard. Throws Error that names its file if it is missing, damaged, or not the one that the manifest names.
QaDataset load_shard(const ShardedDataset& manifest, Index shard, DatasetParts parts = DatasetParts::all);
// Reads all shards and joins them.
QaDataset load_shards(const std::filesystem::path& path, DatasetParts parts = DatasetParts::all);

}  // namespace kvmem
