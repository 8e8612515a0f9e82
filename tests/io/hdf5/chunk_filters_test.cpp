#include "io/hdf5/chunk_filters.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace kvmem::hdf5;

TEST_CASE("shuffled chunks of any number of elements are put in order", "[hdf5]") {
    const std::vector<Filter> shuffle{Filter::shuffle};
    for (const std::size_t size : {1, 2, 4, 8})
        for (const std::size_t elements : {0, 1, 7, 15, 16, 17, 31, 33, 101}) {
            CAPTURE(size, elements);
            std::vector<std::byte> chunk(elements * size + size / 2), shuffled = chunk;  // a part of an element behind
            for (std::size_t i = 0; i < chunk.size(); ++i) chunk[i] = shuffled[i] = static_cast<std::byte>(i * 37);
            for (std::size_t e = 0; e < elements; ++e)
                for (std::size_t b = 0; b < size; ++b) shuffled[b * elements + e] = chunk[e * size + b];
            ChunkDecoder decoder(shuffle, size, chunk.size());
            for (int i = 0; i < 2; ++i) {
                std::ranges::copy(shuffled, decoder.stored(shuffled.size()).begin());
                REQUIRE(decoder.decode(0) == nullptr);
                CHECK(std::ranges::equal(decoder.chunk(), chunk));
                std::ranges::copy(shuffled, decoder.stored(shuffled.size()).begin());
                REQUIRE(decoder.decode(1) == nullptr);  // the filter was not applied
                CHECK(std::ranges::equal(decoder.chunk(), shuffled));
            }
            decoder.stored(shuffled.size() + 1);
            CHECK(decoder.decode(1) != nullptr);
        }
}
