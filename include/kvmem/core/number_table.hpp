// NumberTable: a hash table with open addressing from items to their numbers. The owner stores the items. Finding is
// safe on several threads while no thread adds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kvmem {

class NumberTable {
  public:
    // The number of an item, from 0.
    using Number = std::int32_t;

    // The number with this hash for which same(number) holds, or -1.
    template <class Same>
    [[nodiscard]] Number find(std::uint64_t hash, Same same) const {
        if (buckets_.empty()) return -1;
        const auto tag = static_cast<std::uint32_t>(hash);
        for (std::size_t at = tag & mask(); buckets_[at].number >= 0; at = (at + 1) & mask())
            if (buckets_[at].tag == tag && same(buckets_[at].number)) return buckets_[at].number;
        return -1;
    }

    // Adds a number. The caller must know that its item is not in the table.
    void add(std::uint64_t hash, Number number) {
        if (buckets_.size() * 3 < (size_ + 1) * 4) grow();
        put({number, static_cast<std::uint32_t>(hash)});
        ++size_;
    }

    // Makes room for this many numbers.
    void reserve(std::size_t count) {
        while (buckets_.size() * 3 < count * 4) grow();
    }

  private:
    // The tag is half of the hash. It spares most comparisons with other items, and hashing again.
    struct Bucket {
        Number number = -1;
        std::uint32_t tag = 0;
    };

    std::size_t mask() const { return buckets_.size() - 1; }

    void put(const Bucket& bucket) {
        std::size_t at = bucket.tag & mask();
        while (buckets_[at].number >= 0) at = (at + 1) & mask();
        buckets_[at] = bucket;
    }

    void grow() {
        std::vector<Bucket> smaller(buckets_.empty() ? 64 : 2 * buckets_.size());
        buckets_.swap(smaller);
        for (const Bucket& bucket : smaller)
            if (bucket.number >= 0) put(bucket);
    }

    std::vector<Bucket> buckets_;  // a power of two of them
    std::size_t size_ = 0;
};

}  // namespace kvmem
