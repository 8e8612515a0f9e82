// Numbers in text.
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

// The number that the whole of `text` is: decimal and finite, with nothing around it. Any other text gives no value,
// such as "-1" for an unsigned number, or a number that is too large.
template <class T>
[[nodiscard]] std::optional<T> number_of(std::string_view text) {
    T value{};
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size()) return {};
    if constexpr (std::is_floating_point_v<T>)
        if (!std::isfinite(value)) return {};
    return value;
}

// What number_of() accepts, in words: "a whole number from 0 to 255", "a finite decimal number".
template <class T>
[[nodiscard]] std::string numbers_expected() {
    if constexpr (std::is_floating_point_v<T>)
        return "a finite decimal number";
    else
        return "a whole number from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
               std::to_string(std::numeric_limits<T>::max());
}

}  // namespace kvmem
