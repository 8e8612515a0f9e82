#include "store/segment.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kvmem::store {

using detail::scan_tile;

Segment::Segment(const StoreOptions& o, Index slots, bool has_texts)
    : options(o),
      capacity(slots),
      ids(slots),
      table(ids, slots),
      keys(slots * o.key_width),
      values(slots * o.value_width),
      codes(tiles() * words() * scan_tile),
      bounds(tiles()),
      texts(has_texts ? slots : 0) {
    require_shape(slots < Index{1} << 32, "memory store", "fewer than 2^32 slots in a segment");
    const bool is_int8 = o.encoding == KeyEncoding::int8;
    if (is_int8 || (o.encoding == KeyEncoding::float32 && o.metric == Similarity::cosine))
        factor = Buffer<float>(tiles() * scan_tile);
    if (o.metric == Similarity::euclidean) bias = Buffer<float>(tiles() * scan_tile);
}

static detail::CodeFormat code_form(KeyEncoding encoding) {
    return encoding == KeyEncoding::int8 ? detail::CodeFormat::int8 : detail::CodeFormat::bfloat16;
}

Index Segment::words() const {
    const bool has_codes = options.encoding != KeyEncoding::float32;
    return has_codes ? detail::code_words(code_form(options.encoding), options.key_width) : 0;
}

// A key with a smaller square has no direction in float: its inverse norm is 0, and its scores have no bound.
static constexpr double min_square = 1e-60;

namespace {
// What the encoding of a tile needs of its keys' squares.
struct TileNorms {
    double max = 0;
    bool is_bounded = true;  // whether each inverse is right; that of a zero key is, as all of its scores are 0
    float inverse[scan_tile];
};
}  // namespace

// half_square: receives minus half of each square, or is null.
static TileNorms norms_of(const float* rows, Index count, Index width, float* half_square) {
    TileNorms norms;
    for (Index i = 0; i < count; ++i) {
        const float* row = rows + i * width;
        const double square = detail::scan().product(row, row, width);
        norms.max = std::max(norms.max, std::sqrt(square));
        norms.inverse[i] = square >= min_square ? static_cast<float>(1 / std::sqrt(square)) : 0.0f;
        norms.is_bounded &= square == 0 || norms.inverse[i] > 0;
        if (half_square) half_square[i] = static_cast<float>(-square / 2);
    }
    return norms;
}

void Segment::encode_tile(Index tile, Index slots) {
    const Index slot = tile * scan_tile;
    const bool is_cosine = options.metric == Similarity::cosine;
    const TileNorms norms = norms_of(key(slot), slots, options.key_width, bias ? bias.data() + slot : nullptr);
    if (options.encoding == KeyEncoding::float32) {
        if (factor) std::copy_n(norms.inverse, slots, factor.data() + slot);
        bounds[tile] = {0, static_cast<float>((is_cosine ? 1 : norms.max) * (1 + 1e-6))};
    } else {
        bounds[tile] = detail::encode_tile(code_form(options.encoding), key(slot), slots, options.key_width,
                                           is_cosine ? norms.inverse : nullptr, codes_of(tile),
                                           factor ? factor.data() + slot : nullptr);
    }
    // A cosine is at most 1, so that with this error every slot of the tile is a candidate.
    if (is_cosine && !norms.is_bounded) bounds[tile].error = 1.01f;
}

void Segment::encode(Index first, Index end, Index count) {
    parallel_for(end - first, std::max<Index>(1, 4096 / options.key_width), [&](Index from, Index to) {
        for (Index tile = first + from; tile < first + to; ++tile)
            encode_tile(tile, std::min(scan_tile, count - tile * scan_tile));
    });
}

void Segment::append(Index at, ConstView new_keys, const Values& new_values, std::span<const Id> new_ids) {
    const Index n = new_keys.rows, end = at + n;
    parallel_for(n, 4096, [&](Index first, Index last) {
        const auto copy = [&](ConstView from, const Buffer<float>& to) {
            if (from.cols > 0) std::copy(from.row(first), from.row(last), to.data() + (at + first) * from.cols);
        };
        copy(new_keys, keys);
        copy(new_values.vectors, values);
    });
    std::copy(new_ids.begin(), new_ids.end(), ids.data() + at);
    for (std::size_t i = 0; i < new_values.texts.size(); ++i)
        copy_text(at + static_cast<Index>(i), new_values.texts[i]);
    table.add(at, end);
    encode(at / scan_tile, (encoded_count(end) + scan_tile - 1) / scan_tile, end);
}

// Texts lie in blocks that never move, so that a reader's views of them stay valid while texts are added.
void Segment::copy_text(Index slot, std::string_view text) {
    constexpr std::size_t block = std::size_t{1} << 16;
    if (text.size() > text_left_) {
        text_left_ = std::max(block, text.size());
        text_blocks_.push_back(std::unique_ptr<char[]>(new char[text_left_]));
        text_next_ = text_blocks_.back().get();
    }
    std::copy(text.begin(), text.end(), text_next_);
    texts[slot] = {text_next_, text.size()};
    text_next_ += text.size();
    text_left_ -= text.size();
    text_bytes_.fetch_add(text.size(), std::memory_order_relaxed);
}

void Segment::adopt(std::span<const Id> all_ids, std::span<const std::string> all_texts) {
    std::copy(all_ids.begin(), all_ids.end(), ids.data());
    for (std::size_t i = 0; i < all_texts.size(); ++i) copy_text(static_cast<Index>(i), all_texts[i]);
    table.add(0, capacity);
}

std::size_t Segment::bytes(Index count) const {
    const std::size_t lookup = table.bytes() + text_bytes_.load(std::memory_order_relaxed);
    if (is_mapped) return lookup + sizeof(Id) * count;
    const Index slots = (count + scan_tile - 1) / scan_tile * scan_tile;
    const Index floats = options.key_width + options.value_width + words() + (factor ? 1 : 0) + (bias ? 1 : 0);
    const std::size_t each = sizeof(Id) + sizeof(float) * floats + (texts ? sizeof(std::string_view) : 0);
    return lookup + slots * each + slots / scan_tile * sizeof(detail::CodeBound);
}

}  // namespace kvmem::store
