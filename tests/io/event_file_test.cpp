#include "kvmem/io/event_file.hpp"

#include "kvmem/core/error.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

using namespace kvmem;
using namespace kvmem::test;

namespace {

// CRC-32C bit by bit, from its definition.
std::uint32_t crc32c(const std::string& bytes) {
    std::uint32_t crc = 0xffffffff;
    for (const char c : bytes) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78u : 0);
    }
    return ~crc;
}
std::uint32_t masked(std::uint32_t crc) { return std::rotr(crc, 15) + 0xa282ead8u; }

template <class T>
T number(const std::string& bytes, std::size_t at) {
    T value;
    REQUIRE(at + sizeof(T) <= bytes.size());
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    return value;
}

std::vector<std::string> records(const std::string& file) {
    std::vector<std::string> all;
    for (std::size_t at = 0; at < file.size();) {
        const auto length = number<std::uint64_t>(file, at);
        REQUIRE(number<std::uint32_t>(file, at + 8) == masked(crc32c(file.substr(at, 8))));
        all.push_back(file.substr(at + 12, length));
        REQUIRE(number<std::uint32_t>(file, at + 12 + length) == masked(crc32c(all.back())));
        at += 16 + length;
    }
    return all;
}

std::string only_file(const std::filesystem::path& directory) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) files.push_back(entry.path());
    REQUIRE(files.size() == 1);
    CHECK_THAT(files[0].filename().string(), Catch::StartsWith("events.out.tfevents."));
    return read_file(files[0]);
}

}  // namespace

TEST_CASE("an event file holds records with checksums, tags, steps and values", "[event_file]") {
    REQUIRE(crc32c("123456789") == 0xe3069283);
    const TemporaryDirectory directory;
    EventFile file(directory.path());
    file.add("train/loss", 3, 0.25);
    file.add("valid/hits_at_1", 300, -1.5);
    const std::vector<std::string> all = records(only_file(directory.path()));
    REQUIRE(all.size() == 3);
    CHECK(all[0].size() == 9 + 2 + 13);
    CHECK(all[0].substr(9) ==
          "\x1a\x0d"
          "brain.Event:2");

    // 1: double time; 2: varint step; 5: bytes {1: bytes {1: tag, 2: float}}
    CHECK(all[1][0] == 0x09);
    CHECK(number<double>(all[1], 1) > 1.6e9);
    CHECK(all[1].substr(9, 2) == "\x10\x03");
    CHECK(all[1].substr(11, 6) == std::string("\x2a\x13\x0a\x11\x0a\x0a", 6));
    CHECK(all[1].substr(17, 10) == "train/loss");
    CHECK(all[1][27] == 0x15);
    CHECK(number<float>(all[1], 28) == 0.25f);
    CHECK(all[1].size() == 32);

    CHECK(all[2].substr(9, 3) == "\x10\xac\x02");
    CHECK_THAT(all[2], Catch::Contains("valid/hits_at_1"));
    CHECK(number<float>(all[2], all[2].size() - 4) == -1.5f);
}

TEST_CASE("an event file that cannot be made is an error", "[event_file]") {
    const TemporaryDirectory directory;
    CHECK_THROWS_AS(EventFile(directory.path() / "missing"), Error);
}
