// The state of a MemoryStore: the current snapshot, which readers take, and the writer that makes the next one.
//
// Locks: `writer` is held during a whole change, and the snapshot's own mutex only while its pointer is copied or
// swapped. So readers never wait for a change.
#pragma once

#include "store/files/manifest.hpp"
#include "store/files/write_ahead_log.hpp"
#include "store/snapshot.hpp"

#include <mutex>
#include <optional>

namespace kvmem::store {

struct MemoryStore::Impl {
    std::shared_ptr<const Snapshot> snapshot() const {
        const std::lock_guard lock(snapshot_mutex_);
        return snapshot_;
    }
    void publish(Snapshot next) { publish(std::make_shared<const Snapshot>(std::move(next))); }
    // The old snapshot is freed after the lock is released.
    void publish(std::shared_ptr<const Snapshot> shared) noexcept {
        const std::lock_guard lock(snapshot_mutex_);
        snapshot_.swap(shared);
    }

    // Applies a change and returns the number of slots that it replaced or removed.
    Index change(Change change, ConstView keys, const Values& values, std::span<const Id> ids);
    // Adds slots with the next ids and returns the first.
    Id add_numbered(ConstView keys, const Values& values);
    // Gathers all live slots in one segment: an index with options, else in the order and lists that they have.
    void rewrite(const IndexOptions* options);
    // Opens the files to read only.
    void map();
    // Publishes what the files hold and replays their log; the result is that of replay_beside().
    std::optional<std::size_t> restore(const StoredSegments& stored);

    std::mutex writer;
    bool is_mapped = false;
    std::filesystem::path path;            // of a store with a file
    Index shards = 0;                      // of a store with a manifest
    std::vector<std::string> shard_names;  // their files, as the manifest has them
    std::optional<ShardSpan> own;          // those of open_shards()
    std::uint64_t set = 0;                 // its id: StoreShard::set
    OpenReport report;                     // of open()
    std::unique_ptr<WriteAheadLog> log;    // null without a file, and while the log is replayed

  private:
    // The part of a record that is of the shards that were opened.
    struct OwnRecord;
    // Applies a record of the log and returns whether it could have been made.
    bool replay(const Record& record, std::uint64_t ahead);
    void require_writable() const;
    Index apply(Change change, ConstView keys, const Values& values, std::span<const Id> ids);
    void start_segment(Snapshot& snapshot, Index more);
    void append(Snapshot& snapshot, ConstView keys, const Values& values, std::span<const Id> ids);

    mutable std::mutex snapshot_mutex_;
    std::shared_ptr<const Snapshot> snapshot_ = std::make_shared<const Snapshot>();
    std::shared_ptr<Segment> growing_;  // the last segment of the snapshot, if slots may be appended to it
};

}  // namespace kvmem::store
