#include "io/hdf5/cursor.hpp"

namespace kvmem::hdf5 {

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION  // tests/fuzz/hdf5_fuzz.cpp
static constexpr bool verifies_checksums = false;
#else
static constexpr bool verifies_checksums = true;
#endif

Error damaged(const std::string& where, const std::string& expected, const std::string& got) {
    return Error({.what = "this HDF5 file is damaged", .expected = expected, .got = got, .where = where});
}

ForeignLayout foreign(const std::string& where, const std::string& expected, const std::string& got) {
    return ForeignLayout({.what = "this HDF5 file has more than kvmem reads by itself",
                          .expected = expected,
                          .got = got,
                          .where = where,
                          .hint = "'kvmem import hdf5 FILE -o NEW' writes it anew"});
}

Error unreadable(const std::string& where, const std::string& expected, const std::string& got) {
    return Error({.what = "this dataset cannot be read", .expected = expected, .got = got, .where = where});
}

std::uint32_t lookup3(std::span<const std::byte> bytes) {
    auto a = 0xdeadbeefu + static_cast<std::uint32_t>(bytes.size());
    std::uint32_t b = a, c = a;
    const auto add = [&](std::span<const std::byte> block) {
        std::uint32_t words[3] = {};
        std::memcpy(words, block.data(), block.size());
        a += words[0];
        b += words[1];
        c += words[2];
    };
    // x = (x - z) ^ (z rotated); z += y
    const auto mix = [](std::uint32_t& x, const std::uint32_t y, std::uint32_t& z, int bits) {
        x = (x - z) ^ std::rotl(z, bits);
        z += y;
    };
    const auto finish = [](std::uint32_t& x, std::uint32_t y, int bits) { x = (x ^ y) - std::rotl(y, bits); };
    for (; bytes.size() > 12; bytes = bytes.subspan(12)) {
        add(bytes.first(12));
        mix(a, b, c, 4);
        mix(b, c, a, 6);
        mix(c, a, b, 8);
        mix(a, b, c, 16);
        mix(b, c, a, 19);
        mix(c, a, b, 4);
    }
    if (bytes.empty()) return c;
    add(bytes);
    finish(c, b, 14);
    finish(a, c, 11);
    finish(b, a, 25);
    finish(c, b, 16);
    finish(a, c, 4);
    finish(b, a, 14);
    finish(c, b, 24);
    return c;
}

std::span<const std::byte> checked(std::span<const std::byte> bytes, const std::string& where) {
    if (bytes.size() < 4) throw damaged(where, "a checksum", "too few bytes");
    const auto content = bytes.first(bytes.size() - 4);
    std::uint32_t stored = 0;
    std::memcpy(&stored, bytes.data() + content.size(), 4);
    if (verifies_checksums && lookup3(content) != stored) throw damaged(where, "a right checksum", "a wrong one");
    return content;
}

void Cursor::signature(std::string_view name, unsigned version) {
    const auto found = take(name.size());
    if (std::memcmp(found.data(), name.data(), name.size()) != 0)
        throw damaged(*where_, "the signature " + std::string(name), "other bytes");
    if (const unsigned other = u8(); other != version)
        throw foreign(*where_, std::string(name) + " of version " + std::to_string(version), std::to_string(other));
}

}  // namespace kvmem::hdf5
