// Bad lines that an import leaves out.
#pragma once

#include "program.hpp"

#include <functional>

namespace kvmem::apps {

struct BadLines {
    std::int64_t count = 0;
    std::vector<std::string> first;  // the first few errors

    // Counts an error. Valid as long as the object.
    std::function<void(const Error& bad)> taker();
    // Prints the first errors and the count to stderr, or nothing if there were none.
    void tell() const;
};

}  // namespace kvmem::apps
