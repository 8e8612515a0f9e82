#include "kvmem/core/text.hpp"

#include "kvmem/core/error.hpp"

#include <catch2/catch.hpp>

#include <vector>

using namespace kvmem;

using Lines = std::vector<std::string>;

static Lines lines_of(std::string_view text) {
    Lines all;
    TextLines lines(text, "a.txt");
    for (std::string_view line; lines.next(line);)
        all.push_back(std::to_string(lines.number()) + " " + std::string(line));
    return all;
}

TEST_CASE("UTF-8 is checked strictly", "[text]") {
    constexpr std::size_t valid = std::string_view::npos;
    CHECK(invalid_utf8_at("") == valid);
    CHECK(invalid_utf8_at("a\u00e9\u6771\U0001f600\U0010ffff\ud7ff\ue000") == valid);
    CHECK(invalid_utf8_at("ab\x80") == 2);
    CHECK(invalid_utf8_at("ab\xff") == 2);
    CHECK(invalid_utf8_at("\xc0\xaf") == 0);          // overlong
    CHECK(invalid_utf8_at("\xe0\x80\xaf") == 0);      // overlong
    CHECK(invalid_utf8_at("\xf0\x80\x80\xaf") == 0);  // overlong
    CHECK(invalid_utf8_at("a\xed\xa0\x80") == 1);     // a surrogate
    CHECK(invalid_utf8_at("\xf4\x90\x80\x80") == 0);  // past U+10FFFF
    CHECK(invalid_utf8_at("\xf5\x80\x80\x80") == 0);
    CHECK(invalid_utf8_at("ok\xc3") == 2);  // cut off
    CHECK(invalid_utf8_at("\xe2\x82") == 0);
    CHECK(invalid_utf8_at("\xe2\x28\xa1") == 0);
}

TEST_CASE("a line ends with a line feed, a carriage return or both", "[text]") {
    CHECK(lines_of("") == Lines{});
    CHECK(lines_of("a\nb\n") == Lines{"1 a", "2 b"});
    CHECK(lines_of("a\nb") == Lines{"1 a", "2 b"});
    CHECK(lines_of("a\r\nb\r\n") == Lines{"1 a", "2 b"});
    CHECK(lines_of("a\rb\r") == Lines{"1 a", "2 b"});
    CHECK(lines_of("a\rb\nc\r\n\r\n\rd") == Lines{"1 a", "2 b", "3 c", "4 ", "5 ", "6 d"});
    CHECK(lines_of("\n\r\r\n") == Lines{"1 ", "2 ", "3 "});
    CHECK(lines_of("a\r\r\n") == Lines{"1 a", "2 "});
}

TEST_CASE("a byte order mark is skipped, and that of UTF-16 is an error", "[text]") {
    CHECK(lines_of("\ufeffa\nb") == Lines{"1 a", "2 b"});
    CHECK(lines_of("\ufeff") == Lines{});
    CHECK(lines_of("a\n\ufeffb") == Lines{"1 a", "2 \ufeffb"});
    for (const std::string_view text :
         {std::string_view("\xff\xfe\x61\x00", 4), std::string_view("\xfe\xff\x00\x61", 4)})
        CHECK_THROWS_WITH(lines_of(text), Catch::Contains("a.txt") && Catch::Contains("UTF-16"));
}

TEST_CASE("many lines are read in linear time", "[text]") {
    const std::string returns(std::size_t{1} << 20, '\r'), feeds(std::size_t{1} << 20, '\n');
    CHECK(lines_of(returns).size() == returns.size());
    CHECK(lines_of(feeds).size() == feeds.size());
}

TEST_CASE("a text that is shown has no character that a terminal obeys", "[text]") {
    CHECK(printable("plain 東京 \u200f\u00a0") == "plain 東京 \u200f\u00a0");
    CHECK(printable("a\x1b[31m\n\r\t\x7f") == "a\\u001b[31m\\u000a\\u000d\\u0009\\u007f");
    CHECK(printable(std::string_view("\0z", 2)) == "\\u0000z");
    CHECK(printable("\u0080\u009b\u009f\u00a1") == "\\u0080\\u009b\\u009f\u00a1");
    CHECK(printable("\u2027\u2028\u2029\u202a\u202e\u202f") == "\u2027\\u2028\\u2029\\u202a\\u202e\u202f");
    CHECK(printable("\u2065\u2066\u2069\u206a") == "\u2065\\u2066\\u2069\u206a");
    CHECK(printable("\xff\x9bz\xe2\x80") == "\ufffd\ufffdz\ufffd\ufffd");
    CHECK(control_character_at("a\u202eb") == 1);
    CHECK(control_character_at("東京") == std::string_view::npos);
    CHECK(control_character_at("\xc2") == std::string_view::npos);
    CHECK(control_character_at("\xe2\x80") == std::string_view::npos);
}
