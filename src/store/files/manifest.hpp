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

// The names of a new store's shards. A manifest that is renamed later still names these.
std::vector<std::string> new_shard_names(const std::filesystem::path& path, Index shards);

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

// Writes a store's file from one segment, or, with names of shards, a segment to each of these and last the manifest.
void write_segments(const std::filesystem::path& path, std::span<const std::string> shards,
                    std::span<const std::shared_ptr<const Segment>> segments, const FileHead& head);

}  // namespace kvmem::store
