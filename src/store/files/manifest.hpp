// The files of a store in shards: a manifest, and an HDF5 file for each shard (README.md).
#pragma once

#include "io/manifest_json.hpp"
#include "store/files/store_file.hpp"

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace kvmem::store {

struct Manifest {
    // A shard's file, beside the manifest, and what it must hold.
    struct Shard {
        std::string file;
        std::uint64_t generation = 0;
        Index slots = 0;
    };

    FileHead head;  // of all shards together
    std::vector<Shard> shards;

    // The path of a shard's file, for a manifest at store_path(path).
    std::filesystem::path shard_path(const std::filesystem::path& path, Index shard) const;
};

// Throws Error unless the file is a manifest that kvmem wrote.
Manifest read_manifest(const std::filesystem::path& path);

// Where a store's file is. A manifest behind symbolic links has its shards, log and lock beside it, not beside a link.
std::filesystem::path store_path(const std::filesystem::path& path);

// The files of a store that is being made.
struct NewStoreFiles {
    std::filesystem::path path;       // the store's, behind symbolic links if it is a manifest
    std::vector<std::string> shards;  // their names, beside it. A manifest that is renamed later still names these.

    // Throws UsageError unless there are 0 to max_shards shards, and Error for a name that no manifest can have.
    NewStoreFiles(const std::filesystem::path& at, Index shard_count);
    // Throws Error when one of them, or a log, is there. A shard without its manifest is not overwritten: a store that
    // was renamed, or has the same name before another ending, may name it.
    void require_none() const;
    // Removes those that are there.
    void remove() const noexcept;

  private:
    [[nodiscard]] std::vector<std::filesystem::path> all() const;  // the store, its log, its shards
};

// All that a store's files hold, without the log.
struct StoredSegments {
    FileHead head;
    std::vector<std::shared_ptr<const Segment>> segments;  // one a file; they may be empty
    std::vector<std::string> shards{};                     // the names of their files; none: one file, no manifest
    // The newest version of a shard that a checkpoint wrote without coming to the manifest: that shard holds changes of
    // the log. 0: none.
    std::uint64_t ahead = 0;
    bool lost_lists = false;  // OpenReport::lost_lists
};

// The shards [first, last) of a store, or all that it has.
struct ShardSpan {
    Index first = 0, last = max_shards;
    [[nodiscard]] bool contains(Index shard) const { return first <= shard && shard < last; }
};

// Reads a store's file, or its manifest and these shards. Throws Error that names the file when one is missing,
// damaged, another's, or was changed by itself.
StoredSegments read_segments(const std::filesystem::path& path, bool mapped, const ShardSpan& own = {});

// Writes a shard's file, of a store with this head, and returns what its manifest says of it.
Manifest::Shard write_shard(const std::filesystem::path& path, const std::string& name, const StoreShard& shard,
                            const Segment& segment, const FileHead& head);
// Writes the manifest alone.
void write_manifest(const std::filesystem::path& path, const Manifest& manifest);

// Writes a store's file from one segment, or, with names of shards, a segment to each of these and last the manifest.
void write_segments(const std::filesystem::path& path, std::span<const std::string> shards,
                    std::span<const std::shared_ptr<const Segment>> segments, const FileHead& head);

}  // namespace kvmem::store
