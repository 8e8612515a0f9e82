// Units in an HDF5 file of any format, as a group (datasets/README.md), and as JSON. Not installed.
#pragma once

#include "kvmem/io/hdf5.hpp"
#include "kvmem/text/units.hpp"

#include <string>

namespace kvmem {

// Throws Error unless the group has a kind and units that Units takes, and the texts are those of its tokens.
Units read_units(const hdf5::Reader& file, const std::string& group);

void write_units(hdf5::Writer& file, const std::string& group, const Units& units);

// {"kind": "chars", "texts": [..]} of all tokens, or of bpe "merges" [[left, right], ..] instead of texts; and the
// texts of "marks", if there are any.
std::string units_json(const Units& units);

}  // namespace kvmem
