// Parameters of a network of one's own in a file: HDF5, format "kvmem-parameters" (datasets/README.md).
#pragma once

#include "kvmem/autograd/parameter.hpp"

#include <filesystem>

namespace kvmem {

// Replaces what was there, all or nothing. Throws Error when the file cannot be written, or a name is empty, "." or has
// a slash or a zero byte. What is trainable or frozen is not saved.
void save_parameters(const Parameters& parameters, const std::filesystem::path& path);

// Reads the values of all parameters. Throws Error, with every value as it was, unless the file is whole and has these
// names and no others, each with the shape that it has here and finite numbers. Between passes: tapes view the values.
void load_parameters(Parameters& parameters, const std::filesystem::path& path);
// The values of these alone, such as an encoder's: the file may have others, too.
void load_parameters(const ParameterGroup& group, const std::filesystem::path& path);

}  // namespace kvmem
