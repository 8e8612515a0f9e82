// Learning curves in TensorBoard's format: a file of records, each a length and an Event message with checksums.
#pragma once

#include "kvmem/core/types.hpp"

#include <filesystem>
#include <fstream>
#include <string>

namespace kvmem {

class EventFile {
  public:
    // Makes a file in the directory, with a name as TensorBoard expects. Throws Error when it cannot be made.
    explicit EventFile(const std::filesystem::path& directory);

    // Appends a point of the curve `tag`, with the current time. On a full disk the point is lost, without an error.
    void add(const std::string& tag, Index step, double value);

    // The path of the file.
    const std::filesystem::path& path() const { return path_; }

  private:
    void record(const std::string& message);
    std::filesystem::path path_;
    std::ofstream file_;
};

}  // namespace kvmem
