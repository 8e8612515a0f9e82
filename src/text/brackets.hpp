// Brackets around names: "who directed [Kismet]".
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace kvmem {

// Whether brackets come in pairs and are not nested.
inline bool brackets_match(std::string_view text) {
    bool inside = false;
    for (const char c : text) {
        if (c != '[' && c != ']') continue;
        if (inside != (c == ']')) return false;
        inside = !inside;
    }
    return !inside;
}

// Calls outside(part) for the parts outside of brackets, even empty ones, and inside(name) for those within, in order.
// A part with an open bracket ends with the text.
template <class Outside, class Inside>
void split_at_brackets(std::string_view text, Outside outside, Inside inside) {
    for (;;) {
        const std::size_t open = std::min(text.find('['), text.size());
        outside(text.substr(0, open));
        if (open == text.size()) return;
        const std::size_t close = std::min(text.find(']', open), text.size());
        inside(text.substr(open + 1, close - open - 1));
        text.remove_prefix(std::min(close + 1, text.size()));
    }
}

}  // namespace kvmem
