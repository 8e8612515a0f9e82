// The file of a store (datasets/README.md, "kvmem-store").
#pragma once

#include "store/part.hpp"

#include <filesystem>

namespace kvmem::store {

struct FileHead {
    StoreOptions options;
    Index slots = 0;
    std::uint64_t version = 0;     // changes that the file holds
    std::uint64_t generation = 0;  // names the file's contents for its log; never 0
    std::uint64_t follows = 0;     // the generation whose log is folded in, or 0
    bool has_texts = false;
    Index lists = 0;
    std::string generator;
};

struct StoredPart {
    FileHead head;
    std::shared_ptr<const Part> part;
};

// Of a part that is full.
void write_store(const std::filesystem::path& path, const Part& part, const FileHead& head);

FileHead read_head(const std::filesystem::path& path);
// All of it into memory, codes made anew; or mapped. Throws Error when anything does not fit anything else.
StoredPart load_store(const std::filesystem::path& path);
StoredPart load_store(std::span<const std::byte> bytes, const std::string& name);
StoredPart map_store(const std::filesystem::path& path);

// One that no other has.
std::uint64_t new_generation();

}  // namespace kvmem::store
