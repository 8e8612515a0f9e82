#include "kvmem/core/assert.hpp"

#include <stdexcept>
#include <string>

namespace kvmem {

void assertion_failed(const char* condition, const char* file, int line) {
    throw std::logic_error(std::string(file) + ":" + std::to_string(line) + ": broken assertion: " + condition);
}

}  // namespace kvmem
