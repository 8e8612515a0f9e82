#include "store/part.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kvmem::store {

using detail::scan_tile;

Part::Part(const StoreOptions& o, Index slots, bool has_texts)
    : options(o),
      capacity(slots),
      ids(slots),
      table(ids, slots),
      keys(slots * o.key_width),
      values(slots * o.value_width),
      codes(tiles() * words() * scan_tile),
      bounds(tiles()),
      texts(has_texts ? slots : 0) {
    require_shape(slots < Index{1} << 32, "memory store", "fewer than 2^32 slots in a part");
    const bool narrow = o.encoding == KeyEncoding::int8;
    if (narrow || (o.encoding == KeyEncoding::float32 && o.metric == Similarity::cosine))
        factor = Buffer<float>(tiles() * scan_tile);
    if (o.metric == Similarity::euclidean) bias = Buffer<float>(tiles() * scan_tile);
}

static detail::CodeFormat code_form(KeyEncoding encoding) {
    return encoding == KeyEncoding::int8 ? detail::CodeFormat::int8 : detail::CodeFormat::bfloat16;
}

Index Part::words() const {
    return options.encoding == KeyEncoding::float32
               ? 0
               : detail::code_words(code_form(options.encoding), options.key_width);
}

// Keys with smaller squares have no direction in float: their inverse norm is 0, and nothing is known of their score.
static constexpr double least_square = 1e-60;

// The largest norm of some rows, and for each its inverse or minus half of its square, where wanted.
static double norms_of(const float* rows, Index count, Index width, float* inverse, float* half_square) {
    double most = 0;
    for (Index i = 0; i < count; ++i) {
        const float* row = rows + i * width;
        const double square = detail::scan().product(row, row, width);
        most = std::max(most, square);
        if (inverse) inverse[i] = square >= least_square ? static_cast<float>(1 / std::sqrt(square)) : 0.0f;
        if (half_square) half_square[i] = static_cast<float>(-square / 2);
    }
    return std::sqrt(most);
}

void Part::encode(Index first, Index end, Index count) {
    const Index width = options.key_width;
    parallel_for(end - first, std::max<Index>(1, 4096 / width), [&](Index from, Index to) {
        for (Index tile = first + from; tile < first + to; ++tile) {
            const Index slot = tile * scan_tile, slots = std::min(scan_tile, count - slot);
            const float* rows = keys.data() + slot * width;
            const bool cosine = options.metric == Similarity::cosine;
            float inverse[scan_tile];
            float* half_square = bias ? bias.data() + slot : nullptr;
            const double norm = norms_of(rows, slots, width, inverse, half_square);
            // Of zeros it is known that they score 0.
            bool is_known = true;
            for (Index i = 0; cosine && i < slots; ++i)
                is_known &= inverse[i] > 0 || detail::scan().product(rows + i * width, rows + i * width, width) == 0;
            if (options.encoding == KeyEncoding::float32) {
                if (factor) std::copy_n(inverse, slots, factor.data() + slot);
                bounds[tile] = {0, static_cast<float>((cosine ? 1 : norm) * (1 + 1e-6))};
            } else {
                bounds[tile] = detail::encode_tile(
                    code_form(options.encoding), rows, slots, width, cosine ? inverse : nullptr,
                    codes.data() + tile * words() * scan_tile, factor ? factor.data() + slot : nullptr);
            }
            if (!is_known) bounds[tile].error = 1.01f;
        }
    });
}

void Part::append(Index at, ConstView new_keys, const Values& new_values, std::span<const Id> new_ids) {
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
        keep_text(at + static_cast<Index>(i), new_values.texts[i]);
    table.add(at, end);
    const Index whole = (encoded(end) + scan_tile - 1) / scan_tile;
    encode(at / scan_tile, whole, end);
}

void Part::keep_text(Index slot, std::string_view text) {
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

void Part::adopt(std::span<const Id> all_ids, std::span<const std::string> all_texts) {
    std::copy(all_ids.begin(), all_ids.end(), ids.data());
    for (std::size_t i = 0; i < all_texts.size(); ++i) keep_text(static_cast<Index>(i), all_texts[i]);
    table.add(0, capacity);
}

std::size_t Part::bytes(Index count) const {
    const Index slots = (count + scan_tile - 1) / scan_tile * scan_tile;
    const std::size_t findable = table.bytes() + text_bytes_.load(std::memory_order_relaxed);
    if (is_mapped) return findable + sizeof(Id) * static_cast<std::size_t>(count);
    const Index each = static_cast<Index>(sizeof(Id)) + 4 * (options.key_width + options.value_width + words()) +
                       (factor ? 4 : 0) + (bias ? 4 : 0) + (texts ? static_cast<Index>(sizeof(std::string_view)) : 0);
    return static_cast<std::size_t>(slots * each) +
           sizeof(detail::CodeBound) * static_cast<std::size_t>(slots / scan_tile) + findable;
}

}  // namespace kvmem::store
