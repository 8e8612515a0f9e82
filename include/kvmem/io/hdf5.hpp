// HDF5 files as kvmem writes and reads them. No type of HDF5 is visible here.
//
// Reading trusts nothing: HDF5's own messages become Errors that name the file and the object; types, ranks
// and sizes are checked before anything is allocated. What is not behind checksums in HDF5 is not left to it: chunks
// are unpacked here (io/hdf5/chunk_filters.hpp), texts of variable length are refused. HDF5 1.10 can still be made to
// crash by metadata that are forged and given right checksums; read files of enemies in a process of their own. Writing
// builds the file in memory and puts it in place at once, so that a full disk or a kill leaves what was there.
//
// Any number of threads may use readers and writers, each thread its own. HDF5 itself serves them one after the other
// (Lock in io/hdf5/handle.hpp), so a program that calls HDF5 beside kvmem must not do so at the same time.
#pragma once

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

enum class Layout { packed, mapped };  // chunked, shuffled and deflated / contiguous and 4 KiB aligned

// Where the values of a dataset lie in its file, checked to lie there.
struct Extent {
    std::uint64_t offset = 0, bytes = 0;
    std::string element;  // "float32", as in the specification
    std::vector<std::uint64_t> shape;
};

class Reader {
  public:
    // Throws Error unless the file is HDF5 whose metadata carries checksums (superblock 2 or later), with root
    // attributes format == `format` and version <= `version`, and matches its content hash. A read that would bring all
    // that was read so far to more than `max_memory` bytes (0: half of the machine's), conversions counted, throws
    // Error and allocates nothing.
    Reader(const std::filesystem::path& path, std::string_view format, int version, std::size_t max_memory = 0);
    // The same for a file's bytes; `name` stands for the path in errors.
    Reader(std::span<const std::byte> bytes, const std::string& name, std::string_view format, int version,
           std::size_t max_memory = 0);
    ~Reader();

    const std::string& name() const;  // the path, for errors
    int version() const;

    bool has(const std::string& object) const;
    std::vector<std::string> children(const std::string& group) const;  // names, sorted

    std::string attribute(const std::string& object, const std::string& attribute) const;  // "" when missing
    std::vector<std::int32_t> int32s(const std::string& dataset) const;  // rank 1; any integer type that fits
    std::vector<std::int64_t> int64s(const std::string& dataset) const;
    std::vector<std::uint8_t> bytes(const std::string& dataset) const;
    std::vector<double> doubles(const std::string& dataset) const;
    Matrix matrix(const std::string& dataset) const;                   // rank 2, float32 or float64
    Ragged<Token> ragged(const std::string& group) const;              // group/values, group/offsets, checked
    std::vector<std::string> strings(const std::string& group) const;  // group/bytes, group/offsets

    // Of a contiguous dataset of a file that was opened by its path. Its values are not checked.
    Extent extent(const std::string& dataset) const;

    struct Impl;

  private:
    std::unique_ptr<Impl> impl_;
};

// A dataset of two dimensions of floats from an HDF5 file of anybody's.
Matrix read_matrix(const std::filesystem::path& path, const std::string& dataset);

class Writer {
  public:
    Writer(std::string_view format, int version);
    ~Writer();

    // A root attribute or, with an object's path, one of a group (made if there is none) or dataset. UTF-8, of
    // fixed length: HDF5 has no checksum on texts of variable length.
    void attribute(const std::string& object, const std::string& name, std::string_view text);
    void write(const std::string& dataset, std::span<const std::int32_t> values, Layout layout = Layout::packed);
    void write(const std::string& dataset, std::span<const std::int64_t> values, Layout layout = Layout::packed);
    void write(const std::string& dataset, std::span<const std::uint8_t> values, Layout layout = Layout::packed);
    void write(const std::string& dataset, std::span<const double> values, Layout layout = Layout::packed);
    void write(const std::string& dataset, ConstView matrix, Layout layout = Layout::mapped);
    void write(const std::string& dataset, BasicView<const std::int64_t> matrix, Layout layout = Layout::mapped);
    void write(const std::string& group, const Ragged<Token>& rows);
    void write(const std::string& group, std::span<const std::string> texts);

    // Adds the content hash and puts the file in place of `path`, all or nothing. Once.
    void save(const std::filesystem::path& path);

    struct Impl;

  private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace kvmem::hdf5
