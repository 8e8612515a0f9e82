// Parameters of a network of one's own in a file: HDF5, format "kvmem-parameters" (datasets/README.md).
#pragma once

#include "kvmem/autograd/parameter.hpp"
#include "kvmem/io/hdf5.hpp"

#include <filesystem>
#include <string>

namespace kvmem {

// Replaces what was there, all or nothing. Throws Error when the file cannot be written, or a name is empty, "." or has
// a slash or a zero byte. What is trainable or frozen is not saved.
void save_parameters(const Parameters& parameters, const std::filesystem::path& path);

// Reads the values of all parameters. Throws Error, with every value as it was, unless the file is whole and has these
// names and no others, each with the shape that it has here and finite numbers.
void load_parameters(Parameters& parameters, const std::filesystem::path& path);
// The values of these alone, such as an encoder's: the file may have others, too.
void load_parameters(const ParameterGroup& group, const std::filesystem::path& path);

// For files of other formats that hold parameters, too: writes a matrix /parameters/<name> of each; reads one matrix,
// and throws Error when one of its numbers is not finite.
void write_parameters(hdf5::Writer& file, const Parameters& parameters);
[[nodiscard]] Matrix load_parameter(const hdf5::Reader& file, const std::string& dataset);
// The values of all parameters of a new network, which the file must have. Throws Error for a shape that is not the
// network's; values read before stay.
void read_parameters(Parameters& parameters, const hdf5::Reader& file);

}  // namespace kvmem
