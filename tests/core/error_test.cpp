#include "kvmem/core/error.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;

TEST_CASE("an error joins its parts in one line", "[error]") {
    const Error whole({.what = "cannot read the data set",
                       .expected = "a root attribute 'format'",
                       .got = "none",
                       .where = "films.h5",
                       .hint = "write it with 'kvmem import'"});
    CHECK(std::string(whole.what()) ==
          "films.h5: cannot read the data set: expected a root attribute 'format', got none "
          "(write it with 'kvmem import')");
    CHECK(whole.problem().hint == "write it with 'kvmem import'");
    CHECK(std::string(Error({.what = "w", .expected = {}, .got = {}, .where = {}, .hint = {}}).what()) == "w");
    CHECK(std::string(Error({.what = "w", .expected = {}, .got = "g", .where = {}, .hint = {}}).what()) == "w: got g");
    CHECK(std::string(Error({.what = "w", .expected = "e", .got = {}, .where = {}, .hint = {}}).what()) ==
          "w: expected e");
}

TEST_CASE("an error has no control characters, whatever words it quotes", "[error]") {
    const std::string hostile("a\nb\rc\x1b[31md\0e\x7f", 14);
    const Error error({.what = "w", .expected = {}, .got = hostile, .where = {}, .hint = {}});
    CHECK(std::string(error.what()) == "w: got a\\u000ab\\u000dc\\u001b[31md\\u0000e\\u007f");
    CHECK(error.problem().got == hostile);
}

TEST_CASE("require_shape throws where and what only when it does not hold", "[error]") {
    CHECK_NOTHROW(require_shape(true, "here", "this"));
    CHECK_THROWS_WITH(require_shape(false, "here", "this"), "here: shapes do not fit: expected this");
}
