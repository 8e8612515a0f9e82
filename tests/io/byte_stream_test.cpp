// Values as bytes, and bytes that hold less than they say.
#include "io/byte_stream.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

using namespace kvmem;

TEST_CASE("what was written as bytes is read again", "[io]") {
    enum class Kind : std::uint8_t { one, two };
    ByteWriter out;
    const std::vector<double> numbers{0.5, -0.0, std::numeric_limits<double>::infinity()};
    const std::vector<std::string> texts{"a", "", std::string("b\0c", 3)};
    out(true, Kind::two, numbers, texts, std::vector<Kind>{Kind::two, Kind::one}, std::vector<Index>(),
        std::pair(1, -1));
    bool flag = false;
    Kind kind{};
    std::vector<double> read_numbers{1};
    std::vector<std::string> read_texts{"x"};
    std::vector<Kind> kinds;
    std::vector<Index> none{1, 2};
    std::pair<int, int> both;
    ByteReader in(out.bytes, "here");
    in(flag, kind, read_numbers, read_texts, kinds, none, both);
    in.require_end();
    CHECK(flag);
    CHECK(kind == Kind::two);
    CHECK(read_numbers == numbers);
    CHECK(std::signbit(read_numbers[1]));
    CHECK(read_texts == texts);
    CHECK(kinds == std::vector<Kind>{Kind::two, Kind::one});
    CHECK(none.empty());
    CHECK(both == std::pair(1, -1));
}

TEST_CASE("a count that the bytes behind it cannot hold is refused before it takes memory", "[io]") {
    for (const Index count : {Index{-1}, Index{3}, Index{16}, std::numeric_limits<Index>::max()}) {
        ByteWriter out;
        out(count, Index{1}, Index{2});
        std::vector<Index> numbers;
        ByteReader in(out.bytes, "here");
        CAPTURE(count);
        CHECK_THROWS_WITH(in(numbers), Catch::Contains("at most 2") && Catch::Contains("here"));
        CHECK(numbers.capacity() == 0);
    }
}
