// The hash of a file's contents, independent of their layout (defined in datasets/README.md, "Hashes").
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// XXH3-64 with seed 0, as 16 lower-case hexadecimal digits.
std::string xxh3(std::span<const std::byte> bytes);
std::string xxh3(std::string_view text);
// That of a file's bytes, read in blocks. Throws Error for a file that cannot be read.
std::string xxh3_of_file(const std::filesystem::path& path);

// "3x4"
std::string shape_text(std::span<const unsigned long long> shape);

// One line for each attribute and dataset; the hash is that of the sorted lines.
class ContentHash {
  public:
    void attribute(const std::string& path, const std::string& name, std::string_view text) {
        lines_[path + "@" + name] = "text " + xxh3(text);
    }
    void dataset(const std::string& path, const std::string& type, const std::string& shape, const std::string& hash) {
        lines_[path] = type + " " + shape + " " + hash;
    }
    std::string digest() const;

  private:
    std::map<std::string, std::string> lines_;
};

}  // namespace kvmem
