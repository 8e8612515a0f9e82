#include "store/part.hpp"

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
      keys(slots * o.key_width),
      values(slots * o.value_width),
      codes(tiles() * words() * scan_tile),
      bounds(tiles()),
      texts(has_texts ? slots : 0) {
    const bool narrow = o.form == KeyForm::int8;
    if (narrow || (o.form == KeyForm::float32 && o.metric == Similarity::cosine))
        factor = Buffer<float>(tiles() * scan_tile);
    if (o.metric == Similarity::euclidean) bias = Buffer<float>(tiles() * scan_tile);
    table_size_ = static_cast<std::size_t>(slots) * 5 / 4 + 1;
    table_ = std::make_unique<std::atomic<std::uint32_t>[]>(table_size_);
}

static detail::CodeForm code_form(KeyForm form) {
    return form == KeyForm::int8 ? detail::CodeForm::int8 : detail::CodeForm::bfloat16;
}

Index Part::words() const {
    return options.form == KeyForm::float32 ? 0 : detail::code_words(code_form(options.form), options.key_width);
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
            if (options.form == KeyForm::float32) {
                if (factor) std::copy_n(inverse, slots, factor.data() + slot);
                bounds[tile] = {0, static_cast<float>((cosine ? 1 : norm) * (1 + 1e-6))};
            } else {
                bounds[tile] = detail::encode_tile(
                    code_form(options.form), rows, slots, width, cosine ? inverse : nullptr,
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
    for (Index slot = at; slot < end; ++slot) make_findable(slot);
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

// --- Ids -------------------------------------------------------------------------------------------------

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014), scaled to the table.
std::size_t Part::place_of(Id id) const {
    std::uint64_t x = id + 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::size_t>((Wide{x} * table_size_) >> 64);
}

void Part::make_findable(Index slot) {
    std::size_t place = place_of(ids[slot]);
    while (table_[place].load(std::memory_order_relaxed) != 0) place = place + 1 == table_size_ ? 0 : place + 1;
    // Whoever meets the entry early sees the id, and that the slot is beyond what it may read.
    table_[place].store(static_cast<std::uint32_t>(slot + 1), std::memory_order_release);
}

void Part::adopt(std::span<const Id> all_ids, std::span<const std::string> all_texts) {
    std::copy(all_ids.begin(), all_ids.end(), ids.data());
    for (std::size_t i = 0; i < all_texts.size(); ++i) keep_text(static_cast<Index>(i), all_texts[i]);
    for (Index slot = 0; slot < capacity; ++slot) make_findable(slot);
}

Index Part::find(Id id, Index count, const Bits* dead) const {
    for (std::size_t place = place_of(id);; place = place + 1 == table_size_ ? 0 : place + 1) {
        const std::uint32_t entry = table_[place].load(std::memory_order_acquire);
        if (entry == 0) return -1;
        const Index slot = static_cast<Index>(entry) - 1;
        if (slot >= count || ids[slot] != id) continue;
        const auto tile = static_cast<std::size_t>(slot / scan_tile);
        if (!dead || !((*dead)[tile] >> (slot % scan_tile) & 1)) return slot;
    }
}

std::size_t Part::bytes(Index count) const {
    const Index slots = (count + scan_tile - 1) / scan_tile * scan_tile;
    const std::size_t findable = sizeof(std::uint32_t) * table_size_ + text_bytes_.load(std::memory_order_relaxed);
    if (is_mapped) return findable + sizeof(Id) * static_cast<std::size_t>(count);
    const Index each = static_cast<Index>(sizeof(Id)) + 4 * (options.key_width + options.value_width + words()) +
                       (factor ? 4 : 0) + (bias ? 4 : 0) + (texts ? static_cast<Index>(sizeof(std::string_view)) : 0);
    return static_cast<std::size_t>(slots * each) +
           sizeof(detail::CodeBound) * static_cast<std::size_t>(slots / scan_tile) + findable;
}

}  // namespace kvmem::store
