#include "kvmem/core/arena.hpp"

#include "kvmem/core/error.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <cstring>
#include <limits>

using namespace kvmem;

TEST_CASE("what an arena hands out is aligned, apart and stays where it is", "[arena]") {
    Arena arena;
    std::vector<std::span<unsigned char>> pieces;
    for (int i = 0; i < 300; ++i) {
        pieces.push_back(arena.take<unsigned char>(i * 37 % 5000));
        REQUIRE(reinterpret_cast<std::uintptr_t>(pieces.back().data()) % 64 == 0);
        std::fill(pieces.back().begin(), pieces.back().end(), static_cast<unsigned char>(i));
    }
    for (int i = 0; i < 300; ++i)
        for (const unsigned char c : pieces[static_cast<std::size_t>(i)]) REQUIRE(c == static_cast<unsigned char>(i));
}

TEST_CASE("a piece larger than any block is handed out", "[arena]") {
    Arena arena;
    static_cast<void>(arena.take<char>(1));
    const auto large = arena.take<char>(10'000'000);
    std::memset(large.data(), 1, large.size());
    const View m = arena.matrix(1000, 1000);
    CHECK(m.rows == 1000);
    m(999, 999) = 1;
    CHECK(arena.capacity() >= 10'000'000 + 1'000'000 * sizeof(Real));
}

TEST_CASE("after a reset an arena hands out the same memory and asks for no more", "[arena]") {
    Arena arena;
    CHECK(arena.capacity() == 0);
    const auto round = [&] {
        const void* first = arena.take<double>(10).data();
        for (int i = 0; i < 50; ++i) static_cast<void>(arena.take<double>(1000));
        return first;
    };
    round();
    arena.reset();
    const void* second = round();
    const std::size_t held = arena.capacity();
    for (int i = 0; i < 3; ++i) {
        arena.reset();
        CHECK(round() == second);
        CHECK(arena.capacity() == held);
    }
}

TEST_CASE("what a scope took is given back at its end, and nothing else", "[arena]") {
    Arena arena;
    const auto kept = arena.take<int>(100);
    const void* first = nullptr;
    for (int i = 0; i < 3; ++i) {
        const ArenaScope scope(arena);
        const auto piece = arena.take<int>(1000);
        if (i == 0) first = piece.data();
        CHECK(static_cast<const void*>(piece.data()) == first);
        // More than the block has room for.
        arena.take<char>(Index{1} << 20)[0] = 1;
    }
    const std::size_t held = arena.capacity();
    {
        const ArenaScope scope(arena);
        static_cast<void>(arena.take<char>(Index{1} << 20));
    }
    CHECK(arena.capacity() == held);
    CHECK(static_cast<const void*>(arena.take<int>(1).data()) == first);
    CHECK(kept.size() == 100);
}

TEST_CASE("an empty piece is a place of its own", "[arena]") {
    Arena arena;
    const auto none = arena.take<int>(0);
    CHECK(none.empty());
    CHECK(none.data() != nullptr);
    CHECK(static_cast<const void*>(arena.take<int>(1).data()) != none.data());
    CHECK(arena.matrix(0, 7).cols == 7);
}

TEST_CASE("a piece of a size that cannot be addressed is an error", "[arena]") {
    Arena arena;
    CHECK_THROWS_AS(arena.take<char>(-1), Error);
    CHECK_THROWS_AS(arena.take<double>(std::numeric_limits<Index>::max() / 4), Error);
    CHECK_THROWS_AS(arena.matrix(Index{1} << 32, Index{1} << 32), Error);
    CHECK_THROWS_AS(arena.matrix(-2, -3), Error);
    CHECK(arena.take<char>(8).size() == 8);
}
