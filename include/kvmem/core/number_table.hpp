// NumberTable: a hash table with open addressing from items to their numbers. The owner stores the items. Finding is
// safe on several threads while no thread adds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kvmem {

class NumberTable {
  public:
    using Number = std::int32_t;

    // The number with this hash for which same(number) holds, or -1.
    template <class Same>
    [[nodiscard]] Number find(std::uint64_t hash, Same same) const {
        if (places_.empty()) return -1;
        const auto tag = static_cast<std::uint32_t>(hash);
        for (std::size_t at = tag & mask(); places_[at].number >= 0; at = (at + 1) & mask())
            if (places_[at].tag == tag && same(places_[at].number)) return places_[at].number;
        return -1;
    }

    // Adds a number. The caller must know that its item is not in the table.
    void add(std::uint64_t hash, Number number) {
        if (places_.size() * 3 < (size_ + 1) * 4) grow();
        put({number, static_cast<std::uint32_t>(hash)});
        ++size_;
    }

  private:
    // The tag is half of the hash. It spares most comparisons with other items, and hashing again.
    struct Place {
        Number number = -1;
        std::uint32_t tag = 0;
    };

    std::size_t mask() const { return places_.size() - 1; }

    void put(const Place& place) {
        std::size_t at = place.tag & mask();
        while (places_[at].number >= 0) at = (at + 1) & mask();
        places_[at] = place;
    }

    void grow() {
        std::vector<Place> smaller(places_.empty() ? 64 : 2 * places_.size());
        places_.swap(smaller);
        for (const Place& place : smaller)
            if (place.number >= 0) put(place);
    }

    std::vector<Place> places_;  // a power of two of them
    std::size_t size_ = 0;
};

}  // namespace kvmem
