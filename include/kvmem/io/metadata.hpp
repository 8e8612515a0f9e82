// Texts that files of other programs' formats hold beside tensors.
#pragma once

#include <map>
#include <string>

namespace kvmem {

// Texts by their names.
using Metadata = std::map<std::string, std::string>;

}  // namespace kvmem
