// The right numbers, in double and straight from the formulas, of some rows of some segments and heads.
#pragma once

#include <string>

#include "protocol.hpp"

namespace bench {

// Writes lines "output index value" (Task::at) for a case of attention.
void write_oracle(const Case& c, const std::string& file);

}  // namespace bench
