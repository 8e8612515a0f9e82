// Numbers as people and files write them.
#pragma once

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace kvmem {

// The number that a text is as a whole: decimal, finite, and with nothing around it. Nothing for any other text, such
// as "-1" for an unsigned number, or one that is too large.
template <class T>
std::optional<T> number_of(std::string_view text) {
    T value{};
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size()) return {};
    if constexpr (std::is_floating_point_v<T>)
        if (!std::isfinite(value)) return {};
    return value;
}

// Which texts are such numbers: "a whole number from 0 to 255", "a finite decimal number".
template <class T>
std::string numbers_expected() {
    if constexpr (std::is_floating_point_v<T>)
        return "a finite decimal number";
    else
        return "a whole number from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
               std::to_string(std::numeric_limits<T>::max());
}

}  // namespace kvmem
