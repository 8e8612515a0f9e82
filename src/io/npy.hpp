// NumPy's files of arrays: .npy, and .npz, a zip file of them. Not installed.
#pragma once

#include "kvmem/core/matrix.hpp"

#include <string>
#include <string_view>

namespace kvmem {

// The array of a .npy file: two dimensions, in rows or columns, of floats of 2, 4 or 8 bytes, integers or truth values,
// in either byte order. Throws Error with `name` for others.
Matrix read_npy(std::string_view bytes, const std::string& name);

// The array `array` of a .npz file, or its only one. Throws Error with `name`, which lists the arrays.
Matrix read_npz(std::string_view bytes, const std::string& array, const std::string& name);

}  // namespace kvmem
