#include "kvmem/core/error.hpp"
#include "kvmem/kernels/embed.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

namespace kvmem {

using Entry = TokenLists::Entry;

static std::span<Entry> entries_of(RaggedView<Token> bags, Arena& arena) {
    const auto entries = arena.take<Entry>(std::ssize(bags.values));
    std::size_t at = 0;
    for (Index i = 0; i < bags.size(); ++i) {
        std::int32_t place = 0;
        for (const Token token : bags[i]) entries[at++] = {token, static_cast<std::int32_t>(i), place++};
    }
    return entries;
}

// One pass of a radix sort: stable, by `bits` bits of the token from `shift` on. Both halves are counted and placed in
// turns: the counter of a token that comes again at once would have to be waited for.
static void sort_by_digit(std::span<const Entry> from, std::span<Entry> to, int shift, int bits, Arena& arena) {
    const ArenaScope scope(arena);
    const Index buckets = Index{1} << bits;
    const auto counters = arena.take<std::int32_t>(2 * buckets);
    std::ranges::fill(counters, 0);
    const std::span<std::int32_t> halves[] = {counters.first(counters.size() / 2), counters.last(counters.size() / 2)};
    const auto in_turns = [&](auto body) {
        const std::size_t half = from.size() / 2;
        for (std::size_t i = 0; i < half; ++i) body(from[i], halves[0]), body(from[half + i], halves[1]);
        if (from.size() % 2) body(from.back(), halves[1]);
    };
    const auto bucket_of = [=](const Entry& entry) {
        return static_cast<std::size_t>(entry.token >> shift & static_cast<Token>(buckets - 1));
    };
    in_turns([&](const Entry& entry, std::span<std::int32_t> half) { ++half[bucket_of(entry)]; });
    std::int32_t before = 0;
    for (std::size_t b = 0; b < static_cast<std::size_t>(buckets); ++b)
        for (const auto half : halves) before += std::exchange(half[b], before);
    in_turns([&](const Entry& entry, std::span<std::int32_t> half) {
        to[static_cast<std::size_t>(half[bucket_of(entry)]++)] = entry;
    });
}

TokenLists list_tokens(RaggedView<Token> bags, Index rows, Arena& arena) {
    check_bags(bags, rows);
    require_shape(std::ssize(bags.values) <= std::numeric_limits<std::int32_t>::max(), "list_tokens",
                  "at most 2^31 - 1 tokens");
    std::span<Entry> entries = entries_of(bags, arena), other = arena.take<Entry>(std::ssize(entries));
    constexpr int most_bits = 11;  // counters for the first-level cache
    const int bits = std::bit_width(static_cast<std::uint32_t>(std::max<Index>(rows, 1) - 1));
    const int passes = (bits + most_bits - 1) / most_bits;
    for (int pass = 0; pass < passes; ++pass) {
        const int digit = (bits + passes - 1) / passes;
        sort_by_digit(entries, other, pass * digit, digit, arena);
        std::swap(entries, other);
    }
    const auto offsets = arena.take<Index>(std::min(rows, std::ssize(entries)) + 1);
    std::size_t lists = 0;
    for (std::size_t i = 0; i < entries.size(); ++i)
        if (i == 0 || entries[i].token != entries[i - 1].token) offsets[lists++] = static_cast<Index>(i);
    offsets[lists] = std::ssize(entries);
    return {bags, rows, entries, offsets.first(lists + 1)};
}

}  // namespace kvmem
