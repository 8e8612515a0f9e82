// A segment: slots that lie together in memory.
//
// A segment is filled from its first slot to its last and then never changes. One thread appends slots. Meanwhile other
// threads may read the first `count` slots, where `count` comes from the snapshot that they work on.
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

// 64 bits of a word, one for each slot of a tile.
using Bits = std::vector<std::uint64_t>;

struct InvertedLists;

class Segment {
  public:
    Segment(const StoreOptions& options, Index capacity, bool has_texts);

    const StoreOptions options;
    const Index capacity;
    bool is_mapped = false;  // keys, values and what scans read lie in a file
    Index tiles() const { return (capacity + detail::scan_tile - 1) / detail::scan_tile; }

    Buffer<Id> ids;
    IdTable table;                     // of the ids
    Buffer<float> keys;                // [capacity, D]
    Buffer<float> values;              // [capacity, E]
    Buffer<std::uint32_t> codes;       // [tiles, words, 64], unless the encoding is float32
    Buffer<float> factor;              // [64 tiles]: int8's scales, or inverse norms of cosine keys; may be empty
    Buffer<float> bias;                // [64 tiles]: minus half of the key's square, for the Euclidean metric
    Buffer<detail::CodeBound> bounds;  // [tiles]
    Buffer<std::string_view> texts;    // [capacity], or empty
    // Of a full segment of an indexed store, whose slots lie in the order of these lists; null elsewhere.
    std::shared_ptr<const InvertedLists> lists;

    const float* key(Index slot) const { return keys.data() + slot * options.key_width; }
    const float* value(Index slot) const { return values.data() + slot * options.value_width; }
    detail::Affine affine(Index slot) const {
        return {factor ? factor.data() + slot : nullptr, bias ? bias.data() + slot : nullptr};
    }
    Index words() const;  // 32-bit words of a slot's code; 0 when scans read the float keys
    std::uint32_t* codes_of(Index tile) const { return codes.data() + tile * words() * detail::scan_tile; }

    // Copies slots to [at, at + n), which no reader sees yet, enters their ids in the table and encodes full tiles. The
    // last tile of the segment is encoded when the segment is full. Throws Error when memory runs out; the caller must
    // then append no more to this segment.
    void append(Index at, ConstView new_keys, const Values& new_values, std::span<const Id> new_ids);
    // Sets the ids and texts of a segment whose other arrays are mapped.
    void adopt(std::span<const Id> all_ids, std::span<const std::string> all_texts);
    // The number of slots in encoded tiles, when there are `count` slots. Slots behind them are scored by float keys.
    Index encoded_count(Index count) const {
        return count == capacity ? count : count / detail::scan_tile * detail::scan_tile;
    }

    // Memory of the first `count` slots, in bytes.
    std::size_t bytes(Index count) const;

  private:
    // Makes codes, factors, biases and bounds of tiles [first, end), of slots below `count`.
    void encode(Index first, Index end, Index count);
    void encode_tile(Index tile, Index slots);
    void copy_text(Index slot, std::string_view text);

    std::vector<std::unique_ptr<char[]>> text_blocks_;
    std::size_t text_left_ = 0;  // bytes of the last block
    char* text_next_ = nullptr;
    std::atomic<std::size_t> text_bytes_ = 0;  // a reader may ask for bytes() during an append
};

// List i holds slots [offsets[i], offsets[i + 1]) of its segment.
struct InvertedLists {
    std::shared_ptr<const Segment> centroids;  // its slot i is the centroid of list i
    std::vector<Index> offsets;

    Index count() const { return std::ssize(offsets) - 1; }
};

}  // namespace kvmem::store
