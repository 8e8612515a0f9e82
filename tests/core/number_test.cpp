#include "kvmem/core/number.hpp"

#include <catch2/catch.hpp>
#include <cstdint>

using namespace kvmem;

TEST_CASE("a text is a number as a whole or not at all", "[number]") {
    CHECK(number_of<std::uint64_t>("18446744073709551615") == 18446744073709551615u);
    CHECK(number_of<int>("-7") == -7);
    CHECK(number_of<double>("-2.5e-3") == -0.0025);
    CHECK(number_of<double>("7") == 7);
    for (const char* text : {"", "-", "+1", " 1", "1 ", "0x10", "1,5", "one", "1e400", "inf", "-inf", "nan"}) {
        CAPTURE(text);
        CHECK_FALSE(number_of<double>(text));
        CHECK_FALSE(number_of<int>(text));
        CHECK_FALSE(number_of<unsigned>(text));
    }
    CHECK_FALSE(number_of<unsigned>("-1"));
    CHECK_FALSE(number_of<int>("1.5"));
    CHECK_FALSE(number_of<std::uint8_t>("256"));
    CHECK(numbers_expected<std::uint8_t>() == "a whole number from 0 to 255");
}
