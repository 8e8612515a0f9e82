// Any bytes are a data set or an Error.
//
// Nearly all changes of a file break one of HDF5's checksums, and the fuzzer would see little else than that check. So
// before a changed file is read, the checksums of its superblock and object headers are made right again.
#include "kvmem/core/error.hpp"
#include "kvmem/data/qa_dataset.hpp"

#include <cstdint>
#include <cstring>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

namespace {

std::uint32_t rotate(std::uint32_t x, int bits) { return x << bits | x >> (32 - bits); }

// Bob Jenkins's lookup3, which HDF5 sums its metadata with.
std::uint32_t lookup3(const std::uint8_t* bytes, std::size_t size) {
    std::uint32_t a = 0xdeadbeefu + static_cast<std::uint32_t>(size), b = a, c = a;
    const auto add = [&](const std::uint8_t* at, std::size_t count) {
        std::uint32_t words[3] = {};
        std::memcpy(words, at, count);
        a += words[0];
        b += words[1];
        c += words[2];
    };
    for (; size > 12; size -= 12, bytes += 12) {
        add(bytes, 12);
        a -= c, a ^= rotate(c, 4), c += b;
        b -= a, b ^= rotate(a, 6), a += c;
        c -= b, c ^= rotate(b, 8), b += a;
        a -= c, a ^= rotate(c, 16), c += b;
        b -= a, b ^= rotate(a, 19), a += c;
        c -= b, c ^= rotate(b, 4), b += a;
    }
    if (size == 0) return c;
    add(bytes, size);
    c ^= b, c -= rotate(b, 14);
    a ^= c, a -= rotate(c, 11);
    b ^= a, b -= rotate(a, 25);
    c ^= b, c -= rotate(b, 16);
    a ^= c, a -= rotate(c, 4);
    b ^= a, b -= rotate(a, 14);
    c ^= b, c -= rotate(b, 24);
    return c;
}

void mend(std::uint8_t* begin, std::size_t content, const std::uint8_t* end) {
    if (content > static_cast<std::size_t>(end - begin) || static_cast<std::size_t>(end - begin) - content < 4) return;
    const std::uint32_t sum = lookup3(begin, content);
    std::memcpy(begin + content, &sum, 4);
}

// The bytes of an object header before its checksum, by the size that it gives itself.
std::size_t header_size(const std::uint8_t* header, std::size_t rest) {
    if (rest < 16) return rest;
    const std::uint8_t flags = header[5];
    const std::size_t before = 6u + ((flags & 0x20u) != 0 ? 16u : 0u) + ((flags & 0x10u) != 0 ? 4u : 0u);
    const std::size_t width = std::size_t{1} << (flags & 3u);
    std::uint64_t messages = 0;
    if (before + width > rest) return rest;
    std::memcpy(&messages, header + before, width);
    return messages > rest ? rest : before + width + messages;
}

void mend_all(std::uint8_t* data, std::size_t size) {
    const std::uint8_t* end = data + size;
    mend(data, 44, end);
    for (std::uint8_t* at = data; at + 4 < end; ++at)
        if (std::memcmp(at, "OHDR", 4) == 0) mend(at, header_size(at, static_cast<std::size_t>(end - at)), end);
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
    size = LLVMFuzzerMutate(data, size, most);
    if (seed % 4 != 0) mend_all(data, size);
    return size;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    try {
        kvmem::load_dataset(std::as_bytes(std::span(data, size)), "fuzz").validate("fuzz");
    } catch (const kvmem::Error&) {
    }
    return 0;
}
