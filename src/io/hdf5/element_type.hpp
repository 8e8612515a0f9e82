// The number types of kvmem's files, little-endian as in memory.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

namespace kvmem::hdf5 {

static_assert(std::endian::native == std::endian::little, "files and memory share their byte order");

enum class Element { int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64 };

inline constexpr Element all_elements[] = {Element::int8,    Element::int16,  Element::int32,  Element::int64,
                                           Element::uint8,   Element::uint16, Element::uint32, Element::uint64,
                                           Element::float32, Element::float64};

const char* name_of(Element element);  // "int32"
std::size_t size_of(Element element);  // in bytes

template <class T>
constexpr Element element_of() {
    if constexpr (std::is_same_v<T, float>) return Element::float32;
    if constexpr (std::is_same_v<T, double>) return Element::float64;
    constexpr int log_size = std::countr_zero(sizeof(T));
    return static_cast<Element>(log_size + (std::is_signed_v<T> ? 0 : 4));
}

// Calls f with a value of the C++ type that `element` is stored as.
template <class F>
auto with_type_of(Element element, F&& f) {
    if (element == Element::int8) return f(std::int8_t{});
    if (element == Element::int16) return f(std::int16_t{});
    if (element == Element::int32) return f(std::int32_t{});
    if (element == Element::int64) return f(std::int64_t{});
    if (element == Element::uint8) return f(std::uint8_t{});
    if (element == Element::uint16) return f(std::uint16_t{});
    if (element == Element::uint32) return f(std::uint32_t{});
    if (element == Element::uint64) return f(std::uint64_t{});
    if (element == Element::float32) return f(float{});
    return f(double{});
}

}  // namespace kvmem::hdf5
