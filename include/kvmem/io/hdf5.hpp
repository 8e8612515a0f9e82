// HDF5 files as kvmem writes and reads them. No type of HDF5 is visible here.
//
// A Reader trusts nothing in a file. It is code of kvmem's own for the part of HDF5 that kvmem's formats allow
// (datasets/README.md, "The file"), and checks every address, size and count before it is used. A right file with more
// is a ForeignLayout. The library never reads such a file by the HDF5 library, which forged metadata can crash; the
// program does so in a process of its own. A Writer builds the file in memory with the HDF5 library and replaces the
// old file at once, so a full disk or a kill leaves the old one.
//
// Several threads may use readers and writers, with an object for each. kvmem calls HDF5 on one thread at a time (Lock
// in io/hdf5/handle.hpp), so a program that uses HDF5 itself must not call it beside a Writer.
#pragma once

#include "kvmem/core/error.hpp"
#include "kvmem/core/matrix.hpp"
#include "kvmem/core/ragged.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem::hdf5 {

// Thrown for a file that HDF5 can read, but that has more than kvmem's formats allow, such as an old superblock.
class ForeignLayout : public Error {
  public:
    using Error::Error;  // It is made of a problem, as every Error.
};

// How a dataset lies in its file. Only a mapped one has an Extent.
enum class Layout { packed, mapped };  // chunked, shuffled and deflated / contiguous and 4 KiB aligned

// The bytes of a dataset's values in its file, checked to be within the file.
struct Extent {
    // The place and the size in the file.
    std::uint64_t offset = 0, bytes = 0;
    std::string element;  // "float32", as in the specification
    // The size of each dimension.
    std::vector<std::uint64_t> shape;
};

// Many texts, one behind the other.
struct Texts {
    // Text i is the bytes [offsets[i], offsets[i + 1]); the offsets rise from 0 to the number of bytes.
    std::vector<std::uint8_t> bytes;
    std::vector<Index> offsets{0};
    // The number of texts, and one of them, valid as long as this is.
    Index size() const { return static_cast<Index>(offsets.size()) - 1; }
    std::string_view operator[](Index text) const {
        const auto first = offsets[text];
        return {reinterpret_cast<const char*>(bytes.data()) + first,
                static_cast<std::size_t>(offsets[text + 1] - first)};
    }
};

// A file of a kvmem format that is read and not trusted. Functions throw Error for missing or wrong contents.
class Reader {
  public:
    // Throws Error unless the file is HDF5 in the layout that kvmem's formats allow (ForeignLayout for another), has
    // root attributes format == `format` and version <= `version`, and matches its content hash. Metadata and all reads
    // together, with conversions, may take `max_memory` bytes (0: half of the process's limit). A read beyond that
    // throws Error and allocates nothing.
    Reader(const std::filesystem::path& path, std::string_view format, int version, std::size_t max_memory = 0);
    // The same for a file's bytes, which must outlive the reader, with `name` as the path in errors.
    Reader(std::span<const std::byte> bytes, const std::string& name, std::string_view format, int version,
           std::size_t max_memory = 0);
    ~Reader();

    const std::string& name() const;  // the path, for errors
    // The version of the format that the file has.
    int version() const;

    // Whether the file has this dataset or group.
    bool has(const std::string& object) const;
    std::vector<std::string> children(const std::string& group) const;  // names, sorted

    std::string attribute(const std::string& object, const std::string& attribute) const;  // "" when missing
    std::vector<std::int32_t> int32s(const std::string& dataset) const;  // rank 1; any integer type that fits
    // The same in other types.
    std::vector<std::int64_t> int64s(const std::string& dataset) const;
    std::vector<std::uint8_t> bytes(const std::string& dataset) const;
    std::vector<double> doubles(const std::string& dataset) const;
    Matrix matrix(const std::string& dataset) const;       // rank 2, float32 or float64
    Ragged<Token> ragged(const std::string& group) const;  // group/values, group/offsets, checked
    // group/bytes and group/offsets, checked. Of `max_memory` it also takes what strings() would need beside the bytes.
    Texts texts(const std::string& group) const;
    std::vector<std::string> strings(const std::string& group) const;  // the same

    // The extent of a contiguous dataset, in a file that was opened by its path. Does not check the values.
    Extent extent(const std::string& dataset) const;

    struct Impl;

  private:
    std::unique_ptr<Impl> impl_;
};

// Reads a dataset of two dimensions of floats from any HDF5 file of such a layout. Throws Error, ForeignLayout for
// another layout.
Matrix read_matrix(const std::filesystem::path& path, const std::string& dataset);

// A file of a kvmem format, in memory until save(). Functions throw Error.
class Writer {
  public:
    // Begins a file with these root attributes.
    Writer(std::string_view format, int version);
    ~Writer();

    // Writes an attribute, in UTF-8, of the root ("/"), a dataset or a group, which is made if it is missing.
    void attribute(const std::string& object, const std::string& name, std::string_view text);
    void write(const std::string& dataset, std::span<const std::int32_t> values, Layout layout = Layout::packed);
    void write(const std::string& dataset, std::span<const std::int64_t> values, Layout layout = Layout::packed);
    void write(const std::string& dataset, std::span<const std::uint8_t> values, Layout layout = Layout::packed);
    void write(const std::string& dataset, std::span<const double> values, Layout layout = Layout::packed);
    void write(const std::string& dataset, ConstView matrix, Layout layout = Layout::mapped);
    void write(const std::string& dataset, BasicView<const std::int64_t> matrix, Layout layout = Layout::mapped);
    void write(const std::string& group, const Ragged<Token>& rows);
    void write(const std::string& group, std::span<const std::string> texts);

    // Adds the content hash and replaces the file at `path`, all or nothing. May be called once.
    void save(const std::filesystem::path& path);

    struct Impl;

  private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace kvmem::hdf5
