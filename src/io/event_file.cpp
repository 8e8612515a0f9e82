#include "kvmem/io/event_file.hpp"

#include "io/little_endian.hpp"
#include "io/protobuf.hpp"
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

// TFRecord's checksum: CRC-32C, rotated and shifted so that a checksum of checksums is no trap.
static std::uint32_t masked_crc(const std::string& bytes) {
    boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
    crc.process_bytes(bytes.data(), bytes.size());
    const auto value = static_cast<std::uint32_t>(crc.checksum());
    return std::rotr(value, 15) + 0xa282ead8u;
}

EventFile::EventFile(const std::filesystem::path& directory)
    : path_(directory / ("events.out.tfevents." + std::to_string(static_cast<std::int64_t>(now() * 1e6)) + ".kvmem")),
      file_(path_, std::ios::binary) {
    if (!file_)
        throw Error({.what = "cannot begin an event file", .got = std::strerror(errno), .where = directory.string()});
    record(protobuf::Message().number(1, now()).bytes(3, "brain.Event:2").wire());
}

// Event {1: wall time, 2: step, 5: Summary {1: Value {1: tag, 2: number}}}
void EventFile::add(const std::string& tag, Index step, double value) {
    protobuf::Message point, summary, event;
    point.bytes(1, tag).number(2, static_cast<float>(value));
    summary.message(1, point);
    record(event.number(1, now()).integer(2, step).message(5, summary).wire());
}

void EventFile::record(const std::string& message) {
    const std::string length = bytes_of(static_cast<std::uint64_t>(message.size()));
    file_ << length << bytes_of(masked_crc(length)) << message << bytes_of(masked_crc(message)) << std::flush;
}

}  // namespace kvmem
