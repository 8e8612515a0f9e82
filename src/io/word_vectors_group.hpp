// Word vectors in an HDF5 file of any format, the group /word_vectors (datasets/README.md). Not installed.
#pragma once

#include "kvmem/io/hdf5.hpp"
#include "kvmem/io/word_vectors.hpp"

#include <string>

namespace kvmem {

// The number of words that a model holds: the most frequent ones, which bounds its file to 20 MB at width 100.
inline constexpr Index max_model_words = 100'000;

// The vectors of a file for a model, each number rounded to bfloat16, so that they come back from the model's file with
// the same bits. No path: no words. Throws Error.
WordVectors read_model_vectors(const std::string& path);

// The group holds numbers as bfloat16. A file without it has no words. Throws Error.
void write_word_vectors(hdf5::Writer& file, const WordVectors& vectors);
WordVectors read_word_vectors(const hdf5::Reader& file);

}  // namespace kvmem
