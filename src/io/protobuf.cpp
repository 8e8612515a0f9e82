#include "io/protobuf.hpp"

#include "io/little_endian.hpp"

namespace kvmem::protobuf {

// How a field's value is written.
enum Form : std::uint64_t { varint_form = 0, fixed64_form = 1, bytes_form = 2, fixed32_form = 5 };

static std::string varint(std::uint64_t value) {
    std::string bytes;
    for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7f) | 0x80);
    return bytes + static_cast<char>(value);
}

static std::string key(int field, Form form) { return varint(static_cast<std::uint64_t>(field) << 3 | form); }

Message& Message::integer(int field, std::int64_t value) {
    wire_ += key(field, varint_form) + varint(static_cast<std::uint64_t>(value));
    return *this;
}

Message& Message::number(int field, float value) {
    wire_ += key(field, fixed32_form) + bytes_of(value);
    return *this;
}

Message& Message::number(int field, double value) {
    wire_ += key(field, fixed64_form) + bytes_of(value);
    return *this;
}

Message& Message::bytes(int field, std::string_view value) {
    wire_ += key(field, bytes_form) + varint(value.size());
    wire_ += value;
    return *this;
}

}  // namespace kvmem::protobuf
