// Values of parameters from a file of any format. Not installed.
#pragma once

#include "kvmem/autograd/parameter.hpp"

#include <functional>
#include <string>
#include <vector>

namespace kvmem {

// The matrices of a file.
struct NamedValues {
    std::string file;  // for errors
    std::vector<std::string> names;
    std::function<Matrix(const std::string& name)> read;
};

// Both read all values before they change any. They throw Error, with every value as it was, unless the file has these
// names, each with the shape that it has here and finite numbers. Of all parameters, the file must have no others.
void load_values(const ParameterGroup& group, const NamedValues& values);
void load_values(Parameters& parameters, const NamedValues& values);

// Throws Error unless all numbers are finite.
void require_finite(ConstView matrix, const std::string& part, const std::string& file);

}  // namespace kvmem
