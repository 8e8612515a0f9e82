// An HDF5 file that is open for reading: its objects by path, its attributes as text, and checks of its hashes.
#pragma once

#include "core/memory.hpp"
#include "io/hdf5/handle.hpp"
#include "io/hdf5/stored_dataset.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>

namespace kvmem::hdf5 {

class File {
  public:
    explicit File(const std::filesystem::path& path, std::size_t max_memory = detail::half_of_memory());
    File(std::span<const std::byte> bytes, const std::string& name, std::size_t max_memory);

    const std::string& name() const { return name_; }
    std::string where(const std::string& path) const { return name_ + ": " + path; }
    bool has(const std::string& path) const { return objects_.count(path) > 0; }
    // The paths of all objects but the root, with their types, in rising order.
    const std::map<std::string, H5O_type_t>& objects() const { return objects_; }

    // An attribute as text, or nothing when it is missing. Throws Error unless it is one string of fixed length or one
    // integer.
    std::optional<std::string> attribute(const std::string& path, const std::string& attribute) const;

    // Throws Error when it is missing, or as the constructor of StoredDataset does.
    StoredDataset dataset(const std::string& path) const;

    // Adds to the memory that values take. Throws Error when the sum exceeds the limit: a file of a megabyte can hold
    // datasets that inflate to a gigabyte each.
    void reserve_memory(std::size_t bytes, const std::string& where) const;

    // Throws Error unless the values match the hash in the dataset's attribute `xxh3`, if it has one.
    void check_values(const StoredDataset& dataset, const std::string& path, std::span<const std::byte> values) const;
    // Throws Error unless the contents match the hash in the root attribute `hash`, if it has one.
    void check_hash() const;

  private:
    void list_objects(hid_t group, const std::string& path, int depth);
    Handle object(const std::string& path) const;

    std::string name_;
    std::size_t max_memory_;
    mutable std::size_t reserved_memory_ = 0;
    Handle file_;
    std::map<std::string, H5O_type_t> objects_;
};

}  // namespace kvmem::hdf5
