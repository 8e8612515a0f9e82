// The split that is measured.
#pragma once

#include "program.hpp"

#include <iostream>
#include <string>

namespace kvmem::apps {

// The value of --split. Where it was not given and there is no test, "valid", which stderr tells.
template <class Splits>
std::string split_there(const po::variables_map& values, const Splits& splits) {
    const po::variable_value& split = values["split"];
    if (!split.defaulted() || splits.contains("test") || !splits.contains("valid")) return split.as<std::string>();
    std::cerr << "no split 'test': measured on 'valid', by which the model was chosen\n";
    return "valid";
}

}  // namespace kvmem::apps
