#include "kvmem/io/event_file.hpp"

#include "kvmem/core/error.hpp"

#include <bit>
#include <boost/crc.hpp>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>

namespace kvmem {

static double now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Little-endian bytes of a number; so are protobuf's fixed-width fields.
template <class T>
static std::string bytes_of(T value) {
    static_assert(std::endian::native == std::endian::little);
    std::string bytes(sizeof(T), '\0');
    std::memcpy(bytes.data(), &value, sizeof(T));
    return bytes;
}

// Protobuf: a field begins with its number and the form of its value.
enum Form { varint_form = 0, fixed64_form = 1, bytes_form = 2, fixed32_form = 5 };

static std::string varint(std::uint64_t value) {
    std::string bytes;
    for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7f) | 0x80);
    return bytes + static_cast<char>(value);
}
static std::string field(int number, Form form, const std::string& value) {
    const std::string key = varint(static_cast<std::uint64_t>(number) << 3 | static_cast<unsigned>(form));
    return form == bytes_form ? key + varint(value.size()) + value : key + value;
}

// TFRecord's checksum: CRC-32C, rotated and shifted so that a checksum of checksums is no trap.
static std::uint32_t masked_crc(const std::string& bytes) {
    boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
    crc.process_bytes(bytes.data(), bytes.size());
    const auto value = static_cast<std::uint32_t>(crc.checksum());
    return std::rotr(value, 15) + 0xa282ead8u;
}

EventFile::EventFile(const std::filesystem::path& directory)
    : file_(directory / ("events.out.tfevents." + std::to_string(static_cast<std::int64_t>(now() * 1e6)) + ".kvmem"),
            std::ios::binary) {
    if (!file_)
        throw Error({.what = "cannot begin an event file", .got = std::strerror(errno), .where = directory.string()});
    record(field(1, fixed64_form, bytes_of(now())) + field(3, bytes_form, "brain.Event:2"));
}

// Event {1: wall time, 2: step, 5: Summary {1: Value {1: tag, 2: number}}}
void EventFile::add(const std::string& tag, Index step, double value) {
    const std::string point = field(1, bytes_form, tag) + field(2, fixed32_form, bytes_of(static_cast<float>(value)));
    record(field(1, fixed64_form, bytes_of(now())) + field(2, varint_form, varint(static_cast<std::uint64_t>(step))) +
           field(5, bytes_form, field(1, bytes_form, point)));
}

void EventFile::record(const std::string& message) {
    const std::string length = bytes_of(static_cast<std::uint64_t>(message.size()));
    file_ << length << bytes_of(masked_crc(length)) << message << bytes_of(masked_crc(message)) << std::flush;
}

}  // namespace kvmem
