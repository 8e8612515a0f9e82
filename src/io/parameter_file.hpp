// How parameters lie in a file, of whatever format: a matrix /parameters/<name> each (datasets/README.md). Not
// installed.
#pragma once

#include "io/hdf5/hdf5.hpp"
#include "kvmem/autograd/parameter.hpp"

namespace kvmem {

void write_parameters(hdf5::Writer& file, const Parameters& parameters);

// Throws Error when the dataset holds NaN or infinity.
Matrix read_finite_matrix(const hdf5::Reader& file, const std::string& dataset);

}  // namespace kvmem
