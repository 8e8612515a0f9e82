// StoredSlots that lie together. A part is filled from its first slot to its last and then never changes: those who
// know that it holds `count` slots may read these while more are being added, by one thread, after them.
#pragma once

#include "kernels/scan/scan.hpp"
#include "kvmem/store/memory_store.hpp"
#include "store/files/buffer.hpp"
#include "store/id_table.hpp"

#include <atomic>
#include <span>
#include <string_view>
#include <vector>

namespace kvmem::store {

// 64 bits, one for each slot of a tile.
using Bits = std::vector<std::uint64_t>;

struct Lists;

class Part {
  public:
    Part(const StoreOptions& options, Index capacity, bool has_texts);

    const StoreOptions options;
    const Index capacity;
    bool is_mapped = false;  // keys, values and what is scanned lie in a file
    Index tiles() const { return (capacity + detail::scan_tile - 1) / detail::scan_tile; }

    Buffer<Id> ids;
    IdTable table;                       // of the ids
    Buffer<float> keys;                  // [capacity, D]
    Buffer<float> values;                // [capacity, E]
    Buffer<std::uint32_t> codes;         // [tiles, words, 64], of narrow forms
    Buffer<float> factor;                // [64 tiles]: int8's scales, or the inverse norms of cosine keys; may be empty
    Buffer<float> bias;                  // [64 tiles]: minus half of the key's square, of the Euclidean metric
    Buffer<detail::CodeBound> bounds;    // [tiles]
    Buffer<std::string_view> texts;      // [capacity], or empty
    std::shared_ptr<const Lists> lists;  // of a part that is full: its slots in the order of these lists

    detail::Affine affine(Index slot) const {
        return {factor ? factor.data() + slot : nullptr, bias ? bias.data() + slot : nullptr};
    }
    Index words() const;  // of a slot's code; 0 when keys are scanned as they are
    const std::uint32_t* codes_of(Index tile) const { return codes.data() + tile * words() * detail::scan_tile; }

    // StoredSlots [at, at + n), which nobody reads yet: copied, found by their ids, and encoded as far as tiles are
    // full; the last one, too, if it ends the part. Throws Error when memory runs out; the part is then no longer to be
    // added to.
    void append(Index at, ConstView new_keys, const Values& new_values, std::span<const Id> new_ids);
    // The ids and texts of a part whose other arrays are somebody else's.
    void adopt(std::span<const Id> all_ids, std::span<const std::string> all_texts);
    // Makes codes, factors, biases and bounds of tiles [first, end), with the slots that are below `count`.
    void encode(Index first, Index end, Index count);
    // StoredSlots whose tiles are encoded, when there are `count`.
    Index encoded(Index count) const {
        return count == capacity ? count : count / detail::scan_tile * detail::scan_tile;
    }

    std::size_t bytes(Index count) const;

  private:
    void keep_text(Index slot, std::string_view text);

    std::vector<std::unique_ptr<char[]>> text_blocks_;
    std::size_t text_left_ = 0;
    char* text_next_ = nullptr;
    std::atomic<std::size_t> text_bytes_ = 0;
};

// List i holds slots [offsets[i], offsets[i + 1]) of its part.
struct Lists {
    std::shared_ptr<const Part> centroids;  // id i: the centroid of list i
    std::vector<Index> offsets;
};

}  // namespace kvmem::store
