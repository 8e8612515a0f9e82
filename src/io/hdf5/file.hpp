// An HDF5 file that is open for reading: its objects by path, its attributes as text, its hashes checked.
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
    // Every object's path but the root's, with its type; rising.
    const std::map<std::string, H5O_type_t>& objects() const { return objects_; }

    // An attribute that is one text of fixed length or one integer, as text; nothing when there is none.
    // Throws Error when it is something else.
    std::optional<std::string> attribute(const std::string& path, const std::string& attribute) const;

    // Throws Error when there is none of this path or it is not as StoredDataset wants it.
    StoredDataset dataset(const std::string& path) const;

    // Counts memory that values are about to take. Throws Error when all that was counted comes to more than there may
    // be: a file of a megabyte can hold datasets that inflate to a gigabyte each.
    void reserve_memory(std::size_t bytes, const std::string& where) const;

    // Throws Error if values are not those that the dataset's attribute `xxh3`, when it has one, was made of.
    void check_values(const StoredDataset& dataset, const std::string& path, std::span<const std::byte> values) const;
    // Throws Error if the root attribute `hash`, when there is one, is not that of the contents.
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
