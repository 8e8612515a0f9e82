#include "kvmem/nn/key_value_cache.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/ragged.hpp"

#include <algorithm>
#include <utility>

namespace kvmem {

static constexpr Index min_room = 16;

KeyValueCache::KeyValueCache(Index sequences) : sequences_(sequences) {
    require_shape(sequences >= 0 && sequences <= Index{1} << 31, "KeyValueCache", "from 0 to 2^31 sequences");
    slot_offsets_.resize(2 * sequences + 1);
}

std::vector<Index> KeyValueCache::lengths() const {
    std::vector<Index> all;
    for (Index i = 0; i < sequences_; ++i) all.push_back(end(i) - first(i));
    return all;
}

// Copies `rows` rows of `cols` of each sequence, which begin every `room` and every `old_room` rows.
template <class T>
static void copy_sequences(const T* from, Index old_room, T* to, Index room, Index sequences, Index rows, Index cols) {
    for (Index i = 0; i < sequences; ++i) std::copy_n(from + i * old_room * cols, rows * cols, to + i * room * cols);
}

std::pair<Matrix, Matrix> KeyValueCache::resize(Index sequences, Index room, Index key_cols, Index value_cols) {
    const std::vector<Index> before = lengths();
    Matrix key(sequences * room, key_cols), value(sequences * room, value_cols);
    std::vector<std::int64_t> names(static_cast<std::size_t>(sequences * room));
    copy_sequences(key_.data(), room_, key.data(), room, sequences_, room_, key_cols);
    copy_sequences(value_.data(), room_, value.data(), room, sequences_, room_, value_cols);
    copy_sequences(names_.data(), room_, names.data(), room, sequences_, room_, 1);
    names_ = std::move(names);
    room_ = room;
    set_lengths(before);
    return {std::exchange(key_, std::move(key)), std::exchange(value_, std::move(value))};
}

void KeyValueCache::set_lengths(std::span<const Index> lengths) {
    sequences_ = std::ssize(lengths);
    slot_offsets_.assign(static_cast<std::size_t>(2 * sequences_ + 1), sequences_ * room_);
    for (Index i = 0; i < sequences_; ++i) {
        slot_offsets_[2 * i] = i * room_;
        slot_offsets_[2 * i + 1] = i * room_ + lengths[i];
    }
}

void KeyValueCache::append(ConstView key, ConstView value, std::span<const Index> offsets) {
    const bool whole = std::ssize(offsets) == sequences_ + 1 && offsets.front() == 0 && offsets.back() == key.rows &&
                       std::is_sorted(offsets.begin(), offsets.end());
    require_shape(whole && value.rows == key.rows, "KeyValueCache",
                  "keys and values [n, ...] and N + 1 offsets up to n");
    require_shape(room_ == 0 || (key.cols == key_.cols() && value.cols == value_.cols()), "KeyValueCache",
                  "the widths of the first keys and values");
    const auto count = [&](Index i) { return offsets[i + 1] - offsets[i]; };
    Index longest = 0;
    for (Index i = 0; i < sequences_; ++i) longest = std::max(longest, end(i) - first(i) + count(i));
    std::pair<Matrix, Matrix> before;  // alive until the end: what is appended may be rows of it
    if (longest > room_ || room_ == 0)
        before = resize(sequences_, std::max({longest, 2 * room_, min_room}), key.cols, value.cols);
    for (Index i = 0; i < sequences_; ++i) {
        const Index from = offsets[i];
        std::copy_n(key.row(from), count(i) * key.cols, key_.row(end(i)));
        std::copy_n(value.row(from), count(i) * value.cols, value_.row(end(i)));
        for (Index slot = end(i); slot < end(i) + count(i); ++slot) names_[slot] = ++last_name_;
        slot_offsets_[2 * i + 1] += count(i);
    }
}

void KeyValueCache::add_sequences(Index count) {
    require_shape(count >= 0 && count <= (Index{1} << 31) - sequences_, "KeyValueCache", "from 0 to 2^31 sequences");
    std::vector<Index> lengths = this->lengths();
    lengths.resize(static_cast<std::size_t>(sequences_ + count));
    const Index places = room_ == 0 ? 0 : key_.rows() / room_;
    if (room_ > 0 && std::ssize(lengths) > places)
        resize(std::max(std::ssize(lengths), 2 * places), room_, key_.cols(), value_.cols());
    set_lengths(lengths);
}

void KeyValueCache::truncate(std::span<const Index> lengths) {
    const std::vector<Index> now = this->lengths();
    const bool fit = std::equal(lengths.begin(), lengths.end(), now.begin(), now.end(),
                                [](Index less, Index all) { return less >= 0 && less <= all; });
    require_shape(fit, "KeyValueCache", "a length for each sequence, from 0 to what it has");
    set_lengths(lengths);
}

void KeyValueCache::reorder(std::span<const Index> rows) {
    const bool fit = std::ranges::all_of(rows, [&](Index row) { return row >= 0 && row < sequences_; });
    require_shape(fit, "KeyValueCache", "rows that are sequences");
    const std::vector<Index> before = lengths();
    if (std::ssize(rows) * room_ > key_.rows()) resize(std::ssize(rows), room_, key_.cols(), value_.cols());
    std::vector<Index> lengths, from, to;  // rows that move
    for (Index i = 0; i < std::ssize(rows); ++i) {
        const Index source = rows[i] * room_, length = lengths.emplace_back(before[rows[i]]);
        const auto name = names_.begin() + source;
        const auto equal = std::mismatch(name, name + length, names_.begin() + i * room_).first - name;
        for (Index slot = equal; slot < length; ++slot) from.push_back(source + slot), to.push_back(i * room_ + slot);
    }
    // All rows that move are copied before any of them is written.
    const auto move = [&](auto* data, Index cols) {
        std::vector<std::remove_pointer_t<decltype(data)>> moving(from.size() * static_cast<std::size_t>(cols));
        for (std::size_t i = 0; i < from.size(); ++i)
            std::copy_n(data + from[i] * cols, cols, moving.data() + static_cast<Index>(i) * cols);
        for (std::size_t i = 0; i < from.size(); ++i)
            std::copy_n(moving.data() + static_cast<Index>(i) * cols, cols, data + to[i] * cols);
    };
    move(key_.data(), key_.cols());
    move(value_.data(), value_.cols());
    move(names_.data(), 1);
    set_lengths(lengths);
}

}  // namespace kvmem
