// The vocabulary in an HDF5 file of any format, the group /vocab (datasets/README.md), and as JSON. Not installed.
#pragma once

#include "kvmem/io/hdf5.hpp"
#include "kvmem/text/vocabulary.hpp"

#include <string>

namespace kvmem {

// Throws Error unless all entries are different and of known kinds, and the first is the unknown token.
Vocabulary read_vocabulary(const hdf5::Reader& file);

void write_vocabulary(hdf5::Writer& file, const Vocabulary& vocabulary);

// {"texts": [..], "kinds": [..]} of all tokens, with the numbers of TokenKind.
std::string vocabulary_json(const Vocabulary& vocabulary);

}  // namespace kvmem
