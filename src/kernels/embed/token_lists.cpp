#include "kernels/embed/embed.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <utility>

namespace kvmem {

using Entry = TokenLists::Entry;

namespace {

struct Keyed {
    Token token;
    Entry entry;
};

// Where the next entry of each bucket goes in one pass of a radix sort. A bucket has two counters, for two sides whose
// entries come in turns, because a counter that is used twice in a row makes the processor wait.
class Buckets {
  public:
    Buckets(int shift, int bits, Arena& arena)
        : shift_(shift), mask_((1u << bits) - 1), next_(arena.take<std::int32_t>(Index{2} << bits)) {
        std::ranges::fill(next_, 0);
    }
    std::int32_t& operator()(Token token, std::size_t side) {
        return next_[2 * (static_cast<std::uint32_t>(token) >> shift_ & mask_) + side];
    }
    // Turns counts into beginnings.
    void add_up() { std::exclusive_scan(next_.begin(), next_.end(), next_.begin(), std::int32_t{0}); }
    // Where a bucket ends, after all entries are placed.
    Index end(Index bucket) const { return next_[2 * bucket + 1]; }

  private:
    int shift_;
    std::uint32_t mask_;
    std::span<std::int32_t> next_;
};

}  // namespace

// The first pass, straight from the bags: calls put(where, token, entry). The sides are even and odd tokens.
template <class Put>
static void sort_bags(RaggedView<Token> bags, Buckets& buckets, Put put) {
    for (std::size_t t = 0; t < bags.values.size(); ++t) ++buckets(bags.values[t], t % 2);
    buckets.add_up();
    std::size_t t = 0;
    for (Index i = 0; i < bags.size(); ++i) {
        std::int32_t place = 0;
        for (const Token token : bags[i])
            put(buckets(token, t++ % 2)++, token, {static_cast<std::int32_t>(i), place++});
    }
}

// A further, stable pass. The sides are the first and the second half.
static void sort_keyed(std::span<const Keyed> from, Buckets buckets, std::span<Keyed> to) {
    const std::size_t half = from.size() / 2;
    const auto in_turns = [&](auto body) {
        for (std::size_t i = 0; i < half; ++i) body(from[i], 0), body(from[half + i], 1);
        if (from.size() % 2) body(from.back(), 1);
    };
    in_turns([&](const Keyed& keyed, std::size_t side) { ++buckets(keyed.token, side); });
    buckets.add_up();
    in_turns([&](const Keyed& keyed, std::size_t side) { to[buckets(keyed.token, side)++] = keyed; });
}

TokenLists list_tokens(RaggedView<Token> bags, Index rows, Arena& arena) {
    check_bags(bags, rows);
    return detail::list_checked(bags, rows, arena);
}

// Sorts the entries of the bags by their tokens, in passes over `digit` bits.
static std::span<const Keyed> sorted_by_token(RaggedView<Token> bags, int passes, int digit, Arena& arena) {
    const Index count = std::ssize(bags.values);
    std::span<Keyed> keyed = arena.take<Keyed>(count), other = arena.take<Keyed>(count);
    Buckets buckets(0, digit, arena);
    sort_bags(bags, buckets, [&](std::size_t at, Token token, Entry entry) { keyed[at] = {token, entry}; });
    for (int pass = 1; pass < passes; ++pass) {
        sort_keyed(keyed, Buckets(pass * digit, digit, arena), other);
        std::swap(keyed, other);
    }
    return keyed;
}

TokenLists detail::list_checked(RaggedView<Token> bags, Index rows, Arena& arena) {
    const Index count = std::ssize(bags.values);
    require_shape(count <= std::numeric_limits<std::int32_t>::max(), "list_tokens", "at most 2^31 - 1 tokens");
    constexpr int max_bits = 11;  // counters for the first-level cache
    const int bits = std::bit_width(static_cast<std::uint32_t>(std::max<Index>(rows, 2) - 1));
    const int passes = (bits + max_bits - 1) / max_bits, digit = (bits + passes - 1) / passes;

    const auto entries = arena.take<Entry>(count);
    const auto tokens = arena.take<Token>(std::min(rows, count));
    const auto offsets = arena.take<Index>(std::min(rows, count) + 1);
    const ArenaScope scratch(arena);
    std::size_t lists = 0;
    const auto begin_list = [&](Token token, Index at) {
        tokens[lists] = token;
        offsets[lists++] = at;
    };
    if (passes == 1) {
        Buckets buckets(0, digit, arena);
        sort_bags(bags, buckets, [&](std::size_t at, Token, Entry entry) { entries[at] = entry; });
        Index begin = 0;
        for (Index token = 0; token < rows; begin = buckets.end(token++))
            if (buckets.end(token) > begin) begin_list(static_cast<Token>(token), begin);
    } else {
        const std::span<const Keyed> keyed = sorted_by_token(bags, passes, digit, arena);
        for (std::size_t i = 0; i < keyed.size(); ++i) {
            if (i == 0 || keyed[i].token != keyed[i - 1].token) begin_list(keyed[i].token, static_cast<Index>(i));
            entries[i] = keyed[i].entry;
        }
    }
    offsets[lists] = count;
    return {bags, rows, tokens.first(lists), offsets.first(lists + 1), entries};
}

}  // namespace kvmem
