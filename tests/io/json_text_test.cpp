#include "kvmem/io/json_text.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;

TEST_CASE("a name that an object has twice is found at any depth and however it is written", "[json]") {
    CHECK_FALSE(repeated_name(R"({"a": 1, "b": {"a": [{"a": 2}, {"a": "b\": \"a"}]}})"));
    CHECK_FALSE(repeated_name(R"(["a", "a", "a"])"));
    CHECK_FALSE(repeated_name(R"({"a": "{\"a\":", "b\\": 1})"));
    CHECK(repeated_name(R"({"a": 1, "b": 2 , "a" : 3})") == "a");
    CHECK(repeated_name(R"({"x": [0, {"key": 1, "k\u0065y": 2}]})") == "key");
    CHECK(repeated_name(R"({"": 1, "": 2})") == "");
}

TEST_CASE("a value is given as it was written", "[json]") {
    const std::string text = R"( {"o": {"id": 0}, "id" : VALUE , "n": 1})";
    for (const std::string value : {"1e999", "9223372036854775808", "1.0", "-0", "null", R"("a\u0062,}")",
                                    R"([1, {"id": "]"}, []])", R"({"x": [1.50, 2]})", "{}"}) {
        std::string line = text;
        line.replace(line.find("VALUE"), 5, value);
        CHECK(member_text(line, "id") == value);
        CHECK(member_text("{\"id\":" + value + "}", "id") == value);
    }
    CHECK(member_text(text, "x").empty());
    CHECK(member_text(R"(["id", {"id": 1}])", "id").empty());
    CHECK(member_text(R"({"i\u0064": 7})", "id") == "7");
}

TEST_CASE("text that is no JSON does no harm", "[json]") {
    for (const char* text :
         {"", "\"", "{\"", "{\"a\":", "}]}]", "{\"a\\", "{\"a\" : \"\\", "{\"a\":]}", "{\"\\q\":1}"}) {
        CHECK_FALSE(repeated_name(text));
        CHECK_NOTHROW(member_text(text, "a"));
    }
}

TEST_CASE("fractions are written as people write them, and texts stay", "[json]") {
    CHECK(with_plain_numbers(R"({"a":1.5E0,"b":[0E0,-1E0,9.99E-1,1E-5,1E300],"1E0":"1.5E0 \"2E0","c":7})") ==
          R"({"a":1.5,"b":[0.0,-1.0,0.999,1e-05,1e+300],"1E0":"1.5E0 \"2E0","c":7})");
    CHECK(with_plain_numbers("").empty());
}
