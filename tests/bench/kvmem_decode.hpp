// Decoding with kvmem's searches.
#pragma once

#include "protocol.hpp"

#include <memory>

namespace bench {

std::unique_ptr<Task> kvmem_decode(const Case& c);

}  // namespace bench
