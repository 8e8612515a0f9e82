// Vectors from other programs' files.
#pragma once

#include "kvmem/core/matrix.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

struct VectorFile {
    Matrix vectors;                  // [n, D]
    std::vector<std::string> names;  // of text, where lines have them: n, or none
};

// By the name's ending: NumPy's .npy (two dimensions of little-endian float32 or float64), .fvecs, HDF5 (.h5, .hdf5;
// the dataset of this path, two dimensions of floats, superblock 2 or later), and otherwise text. Throws Error when the
// file is none, or damaged, has bytes beyond its numbers or rows of no numbers, or, of HDF5, takes more than half of
// the memory that this process may have. Several threads may read and write vectors at once.
VectorFile read_vectors(const std::filesystem::path& path, const std::string& dataset = "train");

// Text: a vector a line, decimal numbers with spaces or tabs between them. Lines begin with a name when the first one
// does: what stands before its first tab, or without a tab its first word, is not all numbers. Then any line's name may
// be anything, "1984" and "nan" too. Otherwise nan and inf look like numbers. Numbers are rounded to float: 1e-50 is 0;
// nan, inf and what is too large for a float are refused. `name` stands for the file in errors, which have the line.
VectorFile parse_vectors(std::string_view text, const std::string& name);

// Results as ann-benchmarks keeps them: an HDF5 file with /neighbors [n, k] and /distances [n, k], and the name of the
// distance. Replaces what was there, all or nothing.
void write_neighbors(const std::filesystem::path& path, BasicView<const std::int64_t> neighbors,
                     BasicView<const Real> distances, const std::string& distance);

}  // namespace kvmem
