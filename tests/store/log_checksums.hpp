// Forged logs with right checksums, which no changed bytes would have otherwise.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <string>

namespace kvmem::test {

// The same bytes with the checksums of the head and of all whole records (src/store/files/README.md).
inline std::string with_checksums(std::string log) {
    constexpr std::size_t head = 32, record_head = 24;
    const auto number_at = [&log](std::size_t at) {
        std::uint64_t number = 0;
        std::memcpy(&number, log.data() + at, sizeof number);
        return number;
    };
    const auto put = [&log](std::uint64_t number, std::size_t at) {
        std::memcpy(log.data() + at, &number, sizeof number);
    };
    if (log.size() < head) return log;
    put(XXH3_64bits(log.data(), head - 8), head - 8);
    for (std::size_t at = head; log.size() - at >= record_head;) {
        const std::uint64_t length = number_at(at), version = number_at(at + 8);
        at += record_head;
        if (length > log.size() - at) break;
        put(XXH3_64bits_withSeed(log.data() + at, length, length + version), at - 8);
        at += length;
    }
    return log;
}

}  // namespace kvmem::test
