// Vectors from other programs' files.
#pragma once

#include "kvmem/core/matrix.hpp"

#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// Vectors with their names, as files of embeddings hold them.
struct VectorFile {
    Matrix vectors;                  // [n, D]
    std::vector<std::string> names;  // n names from the lines of a text file, or none
};

// Reads vectors in the format that the path's extension names. Throws Error for a file of another format, one that is
// damaged, has rows without numbers or bytes after the last number, or takes more than half of the process's memory.
// Several threads may read and write vectors at once. The formats are:
// - .npy, NumPy: two dimensions, by rows or by columns, of float16, float32, float64, integers or truth values in
// either
//   byte order, rounded to float;
// - .npz, NumPy: the array `dataset`, or the only one;
// - .fvecs: for each row, its width as int32 and its float32 numbers;
// - .h5 and .hdf5: the dataset `dataset`, two dimensions of floats (hdf5::ForeignLayout: io/hdf5.hpp);
// - .gz: any of the others but HDF5, by the ending before it;
// - any other: text, as parse_vectors() reads it.
VectorFile read_vectors(const std::filesystem::path& path, const std::string& dataset = "train");

// Which lines of a text become rows: of lines with names those that `use` accepts (empty: all), up to a number of rows.
struct VectorLines {
    // Whether a line becomes a row, and the number of rows after which reading ends.
    std::function<bool(std::string_view name)> use = {};
    Index max_rows = std::numeric_limits<Index>::max();
};

// Parses text with one vector in each line, as decimal numbers between spaces or tabs. Numbers are rounded to float, so
// 1e-50 is 0. nan, inf and numbers too large for a float are refused. `name` is the file in errors, beside the line.
// Lines begin with a name if the first one does: its part before the first tab, or its first word without a tab, is not
// all numbers. Then the name of any line may be anything, even "1984" or "nan". The words of a name without a tab that
// are behind its first one are no numbers.
//
// A first line of two whole numbers is the heading of word2vec and fastText if the next line has a name, and as many
// numbers as the second one says. How many lines follow is free: a file may have been cut.
VectorFile parse_vectors(std::string_view text, const std::string& name, const VectorLines& lines = {});

// Writes search results in the format of ann-benchmarks: HDF5 with /neighbors [n, k], /distances [n, k] and the name of
// the distance. Replaces the file, all or nothing.
void write_neighbors(const std::filesystem::path& path, BasicView<const std::int64_t> neighbors,
                     BasicView<const Real> distances, const std::string& distance);

}  // namespace kvmem
