#include "kvmem/core/rng.hpp"

#include <cmath>
#include <numbers>

namespace kvmem {

static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static constexpr std::uint64_t golden = 0x9e3779b97f4a7c15u;

Rng::Rng(std::uint64_t seed, std::initializer_list<std::uint64_t> stream) : state_(mix(seed + golden)) {
    // The state is mixed once more than s. Mixed alike, Rng(n, {n}) would be the same generator for every n.
    for (const std::uint64_t s : stream) state_ = mix(mix(state_ + golden) ^ mix(s + golden));
}

std::uint64_t Rng::bits() { return mix(state_ += golden); }

double Rng::uniform() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }

double Rng::normal() {
    // Box and Muller. The second number is dropped, so that the counter is the only state.
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

__extension__ using Wide = unsigned __int128;

Index Rng::below(Index n) {
    // Lemire's multiplication with rejection of the uneven rest.
    const auto range = static_cast<std::uint64_t>(n);
    auto product = static_cast<Wide>(bits()) * range;
    if (static_cast<std::uint64_t>(product) < range) {
        const std::uint64_t uneven = (0 - range) % range;
        while (static_cast<std::uint64_t>(product) < uneven) product = static_cast<Wide>(bits()) * range;
    }
    return static_cast<Index>(product >> 64);
}

}  // namespace kvmem
