// Whether the files of two stores in shards are the same, byte for byte, but for the random numbers that tell one
// writing from another.
#pragma once

#include "kvmem/core/file.hpp"
#include "store/files/manifest.hpp"
#include "support/temporary_directory.hpp"

#include <filesystem>
#include <string>
#include <tuple>

namespace kvmem::test {

namespace detail {

inline auto fields_of(const store::FileHead& head) {
    return std::tuple(head.slots, head.version, head.has_texts, head.next_id, head.lists, head.generator,
                      head.is_logged, head.shard.number, head.shard.count);
}

// The file of a shard, with the set, generation and follows of another.
inline std::string rewritten(const std::filesystem::path& file, const store::FileHead& like) {
    const TemporaryDirectory folder;
    const store::StoredSegment stored = store::map_store(file);
    store::FileHead head = stored.head;
    head.generation = like.generation;
    head.follows = like.follows;
    head.shard.set = like.shard.set;
    store::write_store(folder / "shard.h5", *stored.segment, head);
    return read_file(folder / "shard.h5");
}

}  // namespace detail

// What differs, or nothing.
inline std::string store_difference(const std::filesystem::path& a, const std::filesystem::path& b) {
    const store::Manifest first = store::read_manifest(a), second = store::read_manifest(b);
    if (detail::fields_of(first.head) != detail::fields_of(second.head) ||
        !(first.head.options == second.head.options) || first.shards.size() != second.shards.size())
        return "the manifests";
    for (std::size_t i = 0; i < first.shards.size(); ++i) {
        const auto shard = static_cast<Index>(i);
        const std::filesystem::path one = first.shard_path(a, shard), other = second.shard_path(b, shard);
        if (first.shards[i].slots != second.shards[i].slots ||
            detail::rewritten(other, store::read_head(one)) != read_file(one))
            return one.filename().string() + " and " + other.filename().string();
    }
    return {};
}

}  // namespace kvmem::test
