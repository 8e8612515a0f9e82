// An HDF5 file that is open for reading: its objects by path, its attributes as text, and checks of its hashes.
//
// This is kvmem's own reader of the part of HDF5 that its formats allow (datasets/README.md, "The file"). Addresses,
// sizes and counts are checked against the file before they are used, nothing is recursive, and what metadata take in
// time and memory is at most proportional to the file's size.
#pragma once

#include "core/memory.hpp"
#include "io/hdf5/object_header.hpp"
#include "io/hdf5/stored_dataset.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>

namespace kvmem::hdf5 {

// "vocab/kinds" and "/vocab/kinds" both become "/vocab/kinds".
inline std::string absolute(const std::string& path) { return path.starts_with('/') ? path : "/" + path; }

// A header holds no larger text. The parts of a longer one are attributes of their own: `name`, `name#2`, `name#3`.
inline constexpr std::size_t max_attribute_bytes = 60'000;
inline std::string part_name(const std::string& name, int part) { return name + "#" + std::to_string(part); }

struct Object {
    std::shared_ptr<const ObjectHeader> header;  // one for all names of an object
    bool is_group;
};

class File {
  public:
    explicit File(const std::filesystem::path& path, std::size_t max_memory = detail::half_of_memory());
    // The bytes must outlive the file.
    File(std::span<const std::byte> bytes, const std::string& name, std::size_t max_memory);

    const std::string& name() const { return source_->name(); }
    std::string where(const std::string& path) const { return name() + ": " + path; }
    bool has(const std::string& path) const { return objects_.count(path) > 0; }
    // The paths of all objects but the root, in rising order.
    const std::map<std::string, Object>& objects() const { return objects_; }

    // An attribute as text, or nothing when it is missing. Throws Error unless it is one string of fixed length or one
    // integer.
    std::optional<std::string> attribute(const std::string& path, const std::string& attribute) const;

    // Throws Error when it is missing, or as the constructor of StoredDataset does. The file must outlive it.
    StoredDataset dataset(const std::string& path) const;

    // Adds to the memory that values take. Throws Error when the sum exceeds the limit: a file of a megabyte can hold
    // datasets that inflate to a gigabyte each.
    void reserve_memory(std::size_t bytes, const std::string& where) const;

    // Throws Error unless the values match the hash in the dataset's attribute `xxh3`, if it has one.
    void check_values(const StoredDataset& dataset, const std::string& path, std::span<const std::byte> values) const;
    // Throws Error unless the contents match the hash in the root attribute `hash`, if it has one.
    void check_hash() const;

  private:
    struct Group {
        std::string path;
        std::shared_ptr<const ObjectHeader> header;
        int depth;
    };
    void open();
    Object object_at(std::uint64_t address, const std::string& path);
    void list_links(const Group& group, std::vector<Group>& groups);
    const ObjectHeader& header_of(const std::string& path) const;
    // One attribute alone, which may be the first part of a longer text.
    std::optional<std::string> text_of(const std::string& path, const std::string& name) const;

    std::unique_ptr<Source> source_;
    std::unique_ptr<Metadata> metadata_;
    std::size_t max_memory_;
    mutable std::size_t reserved_memory_ = 0;
    std::map<std::uint64_t, Object> by_address_;
    std::map<std::string, Object> objects_;
    Object root_;
};

}  // namespace kvmem::hdf5
