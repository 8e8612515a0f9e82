// Units in a file of any format, as a group (datasets/README.md). Not installed.
#pragma once

#include "kvmem/io/hdf5.hpp"
#include "kvmem/text/units.hpp"

namespace kvmem {

// Throws Error unless the group has a kind and units that Units takes, and the texts are those of its tokens.
Units read_units(const hdf5::Reader& file, const std::string& group);

void write_units(hdf5::Writer& file, const std::string& group, const Units& units);

}  // namespace kvmem
