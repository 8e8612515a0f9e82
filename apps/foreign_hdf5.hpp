// HDF5 files that have more than kvmem's formats allow. The HDF5 library reads them in a process of its own, this
// program again, because forged metadata can crash it, and it sends what it read through a pipe.
#pragma once

#include "kvmem/io/hdf5.hpp"
#include "kvmem/io/vectors.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace kvmem::apps {

// The verb of that process, which no help shows: NAME FILE [DATASET].
inline constexpr const char* foreign_reader_verb = "read-foreign-hdf5";
int run_foreign_reader(const std::vector<std::string>& arguments);

// What the pipe carries: a byte that says which part follows; texts and shapes have their lengths before them.
enum class Part : char {
    attribute = 'a',  // the path of its object, its name, its text
    dataset = 'd',    // its path, a ForeignType, the shape, and the values in row-major order
    error = 'e',      // what, expected and got, at any place where values end or could follow
    end = 'z',
};
enum class ForeignType : char { int32, int64, uint8, float64, float32 };
// Values come in slabs: the number of bytes before each, or this number before an error.
inline constexpr std::uint64_t no_slab = ~std::uint64_t{0};

// The process and its pipe. Functions throw Error in one line when it ends early, was stopped by its limits, or sends
// what cannot be.
class ForeignFile {
  public:
    // Starts to read a file: one dataset of floats with two dimensions, or everything.
    explicit ForeignFile(std::filesystem::path path, const std::string& dataset = {});
    ~ForeignFile();
    ForeignFile(const ForeignFile&) = delete;
    ForeignFile& operator=(const ForeignFile&) = delete;

    Part next();
    std::string text();
    ForeignType type();
    // Of one or two dimensions, with fewer values than memory holds.
    std::vector<Index> shape(ForeignType type);
    void values(std::span<std::byte> out);

  private:
    void receive(std::span<std::byte> out);
    std::uint64_t number();
    [[noreturn]] void fail_early();
    [[noreturn]] void throw_sent_error();

    std::filesystem::path path_;
    int pipe_ = -1, process_ = -1;
    std::uint64_t left_;  // the bytes of values that may still come
};

// As read_vectors(), which it calls first, for HDF5 files of any layout.
VectorFile read_any_vectors(const std::filesystem::path& path, const std::string& dataset);

}  // namespace kvmem::apps
