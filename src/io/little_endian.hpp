// Little-endian bytes of numbers, as files have them. Not installed.
#pragma once

#include <bit>
#include <cstring>
#include <string>

namespace kvmem {

template <class T>
std::string bytes_of(T value) {
    static_assert(std::endian::native == std::endian::little);
    std::string bytes(sizeof(T), '\0');
    std::memcpy(bytes.data(), &value, sizeof(T));
    return bytes;
}

// The number at a position of bytes that hold it.
template <class T>
T number_at(const char* bytes) {
    static_assert(std::endian::native == std::endian::little);
    T value;
    std::memcpy(&value, bytes, sizeof(T));
    return value;
}

}  // namespace kvmem
