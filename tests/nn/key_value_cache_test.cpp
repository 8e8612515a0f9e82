#include "kvmem/nn/key_value_cache.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace kvmem;
using test::normal;
using test::offsets;
using test::same_bits;

static ConstView keys_of(const KeyValueCache& cache, Index sequence) {
    const Index first = cache.slot_offsets()[2 * sequence];
    return cache.key().middle_rows(first, cache.slot_offsets()[2 * sequence + 1] - first);
}

TEST_CASE("sequences that are added behind others are empty, and grow like these", "[nn]") {
    const Matrix key = normal(6, 2, 1), value = normal(6, 3, 2);
    KeyValueCache cache(3);
    cache.append(key, value, offsets({1, 2, 3}));
    cache.reorder(std::vector<Index>{2});  // leaves places in which others lay
    for (const Index added : {1, 5}) {
        cache.add_sequences(added);
        CHECK(cache.lengths().back() == 0);
    }
    CHECK(cache.lengths() == std::vector<Index>{3, 0, 0, 0, 0, 0, 0});
    cache.append(key.view().middle_rows(0, 3), value.view().middle_rows(0, 3), offsets({1, 2, 0, 0, 0, 0, 0}));
    CHECK(cache.lengths() == std::vector<Index>{4, 2, 0, 0, 0, 0, 0});
    CHECK(same_bits(keys_of(cache, 0).middle_rows(0, 3), key.view().middle_rows(3, 3)));
    CHECK(same_bits(keys_of(cache, 0).middle_rows(3, 1), key.view().middle_rows(0, 1)));
    CHECK(same_bits(keys_of(cache, 1), key.view().middle_rows(1, 2)));
}

TEST_CASE("sequences are added to a cache of none", "[nn]") {
    const Matrix key = normal(3, 2, 1);
    KeyValueCache cache(0);
    cache.add_sequences(0);
    CHECK(cache.sequences() == 0);
    cache.add_sequences(2);
    CHECK(cache.lengths() == std::vector<Index>{0, 0});
    cache.append(key, key, offsets({1, 2}));
    CHECK(same_bits(keys_of(cache, 1), key.view().middle_rows(1, 2)));
}

TEST_CASE("a wrong number of sequences to add changes nothing", "[nn]") {
    const Matrix key = normal(3, 2, 1);
    KeyValueCache cache(2);
    cache.append(key, key, offsets({1, 2}));
    for (const Index wrong : {Index{-1}, Index{1} << 31, std::numeric_limits<Index>::max()})
        CHECK_THROWS_AS(cache.add_sequences(wrong), Error);
    CHECK(cache.lengths() == std::vector<Index>{1, 2});
    CHECK(same_bits(keys_of(cache, 1), key.view().middle_rows(1, 2)));
}
