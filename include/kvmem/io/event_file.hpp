// Learning curves in TensorBoard's format: a file of records, each a length and an Event message with checksums.
#pragma once

#include "kvmem/core/types.hpp"

#include <filesystem>
#include <fstream>
#include <string>

namespace kvmem {

class EventFile {
  public:
    // Begins a new file in the directory, named as TensorBoard expects. Throws Error when it cannot be made.
    explicit EventFile(const std::filesystem::path& directory);

    // One point of the curve `tag`, with the time of now. A full disk loses points, nothing else.
    void add(const std::string& tag, Index step, double value);

  private:
    void record(const std::string& message);
    std::ofstream file_;
};

}  // namespace kvmem
