#include "io/content_hash.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace kvmem;

TEST_CASE("the hash of a file is that of its bytes, whatever its size", "[content_hash]") {
    const test::TemporaryDirectory directory;
    for (const std::size_t size : {0, 1, 1000, 1 << 20, (1 << 20) + 1, 3'000'000}) {
        std::string bytes(size, 'a');
        for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * i % 251);
        replace_file(directory / "bytes", bytes);
        CHECK(xxh3_of_file(directory / "bytes") == xxh3(bytes));
    }
    CHECK(xxh3("") == "2d06800538d394c2");
    CHECK_THROWS_AS(xxh3_of_file(directory / "none"), Error);
}
