// The vocabulary in a file of any format, the group /vocab (datasets/README.md). Not installed.
#pragma once

#include "kvmem/io/hdf5.hpp"
#include "kvmem/text/vocabulary.hpp"

namespace kvmem {

// Throws Error unless all entries are different and of known kinds, and the first is the unknown token.
Vocabulary read_vocabulary(const hdf5::Reader& file);

void write_vocabulary(hdf5::Writer& file, const Vocabulary& vocabulary);

}  // namespace kvmem
