// Rng: random numbers that are the same on every machine.
//
// A seed and a stream name a generator, so that a step, a shard or a token gets numbers of its own without passing
// state on: Rng(seed, {epoch, step, shard}). The numbers are SplitMix64's (Steele, Lea, Flood 2014). The standard
// library's distributions are avoided because they differ between implementations.
#pragma once

#include "kvmem/core/types.hpp"

#include <cstdint>
#include <initializer_list>
#include <span>
#include <utility>

namespace kvmem {

class Rng {
  public:
    // The generator of this seed and stream.
    explicit Rng(std::uint64_t seed, std::initializer_list<std::uint64_t> stream = {});

    // The next 64 random bits.
    std::uint64_t bits();
    double uniform();      // in [0, 1)
    double normal();       // mean 0, standard deviation 1; to the last bit or so of the system's log and cos
    Index below(Index n);  // in [0, n), unbiased; n must be positive

    // Puts the items in random order, each order with equal probability.
    template <class T>
    void shuffle(std::span<T> items) {
        for (Index i = static_cast<Index>(items.size()); i > 1; --i)
            std::swap(items[static_cast<std::size_t>(i - 1)], items[static_cast<std::size_t>(below(i))]);
    }

  private:
    std::uint64_t state_;
};

}  // namespace kvmem
