// The file of a store (README.md).
#pragma once

#include "store/segment.hpp"

#include <filesystem>

namespace kvmem::store {

struct FileHead {
    StoreOptions options;
    Index slots = 0;
    std::uint64_t version = 0;     // the number of changes that the file holds
    std::uint64_t generation = 0;  // identifies the file's contents to its log; never 0
    std::uint64_t follows = 0;     // the generation whose log the file also holds, or 0
    bool has_texts = false;
    Id next_id = 0;  // Snapshot::next_id; 0 in a file of kvmem before it had one
    Index lists = 0;
    std::string generator;
    StoreShard shard{};      // set 0: no shard, or of kvmem before shards had one
    bool is_logged = false;  // whether the writer began a log beside the file
};

struct StoredSegment {
    FileHead head;
    std::shared_ptr<Segment> segment;
};

// Writes a full segment, all or nothing.
void write_store(const std::filesystem::path& path, const Segment& segment, const FileHead& head);

FileHead read_head(const std::filesystem::path& path);
// load_store reads everything into memory and encodes the keys anew; map_store maps what is large. Both throw Error
// when any two parts of the file do not fit each other.
StoredSegment load_store(const std::filesystem::path& path);
StoredSegment load_store(std::span<const std::byte> bytes, const std::string& name);
StoredSegment map_store(const std::filesystem::path& path);

// A random generation, which no other file has.
std::uint64_t new_generation();

}  // namespace kvmem::store
