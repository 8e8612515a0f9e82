// Recurrent layers with kvmem.
#pragma once

#include "protocol.hpp"

#include <memory>

namespace bench {

std::unique_ptr<Task> kvmem_recurrent(const Case& c);

}  // namespace bench
