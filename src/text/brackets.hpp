// Brackets around names: "who directed [Kismet]".
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace kvmem {

// Whether each bracket has its partner, and none is inside of others.
inline bool brackets_match(std::string_view text) {
    bool inside = false;
    for (const char c : text) {
        if (c != '[' && c != ']') continue;
        if (inside != (c == ']')) return false;
        inside = !inside;
    }
    return !inside;
}

// Calls outside(part) for the parts outside of brackets, also empty ones, and inside(name) for those inside, in their
// order. A bracket without its partner reaches to the text's end.
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
