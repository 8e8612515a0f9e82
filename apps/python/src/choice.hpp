// Enumerations by the names of their enumerators.
#pragma once

#include "arrays.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

namespace kvmem::python {

// The enumerator of this name. `names` are those of 0, 1, 2 and so on. Throws UsageError that lists them.
template <class E>
E choice(std::string_view name, std::span<const char* const> names, const char* argument) {
    const auto found = std::ranges::find(names, name);
    if (found != names.end()) return static_cast<E>(found - names.begin());
    std::string all;
    for (const char* one : names) all += (all.empty() ? "" : ", ") + std::string(one);
    throw OptionError(argument, "one of " + all, std::string(name));
}

}  // namespace kvmem::python
