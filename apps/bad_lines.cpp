#include "bad_lines.hpp"

#include <iostream>

namespace kvmem::apps {

std::function<void(const Error& bad)> BadLines::taker() {
    constexpr std::int64_t shown = 5;
    return [this](const Error& bad) {
        if (count++ < shown) first.emplace_back(bad.what());
    };
}

void BadLines::tell() const {
    for (const std::string& bad : first) std::cerr << "left out: " << bad << "\n";
    if (count > static_cast<std::int64_t>(first.size())) std::cerr << "...\n";
    if (count > 0) std::cerr << "left out " << plural(count, "bad line") << "\n";
}

}  // namespace kvmem::apps
