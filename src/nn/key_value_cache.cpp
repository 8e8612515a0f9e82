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

// A copy in which each sequence has `room` rows instead of `old_room`.
static Matrix with_room(const Matrix& old, Index sequences, Index old_room, Index room, Index cols) {
    Matrix grown(sequences * room, cols);
    for (Index i = 0; i < sequences; ++i)
        std::copy_n(old.data() + i * old_room * cols, old_room * cols, grown.data() + i * room * cols);
    return grown;
}

std::pair<Matrix, Matrix> KeyValueCache::resize_room(Index room, Index key_cols, Index value_cols) {
    Matrix key = with_room(key_, sequences_, room_, room, key_cols);
    Matrix value = with_room(value_, sequences_, room_, room, value_cols);
    for (std::size_t i = 0; i < slot_offsets_.size(); ++i)
        slot_offsets_[i] += static_cast<Index>(i / 2) * (room - room_);
    room_ = room;
    return {std::exchange(key_, std::move(key)), std::exchange(value_, std::move(value))};
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
        before = resize_room(std::max({longest, 2 * room_, min_room}), key.cols, value.cols);
    for (Index i = 0; i < sequences_; ++i) {
        const Index from = offsets[i];
        std::copy_n(key.row(from), count(i) * key.cols, key_.row(end(i)));
        std::copy_n(value.row(from), count(i) * value.cols, value_.row(end(i)));
        slot_offsets_[2 * i + 1] += count(i);
    }
}

void KeyValueCache::truncate(std::span<const Index> lengths) {
    const std::vector<Index> now = this->lengths();
    const bool fit = std::equal(lengths.begin(), lengths.end(), now.begin(), now.end(),
                                [](Index less, Index all) { return less >= 0 && less <= all; });
    require_shape(fit, "KeyValueCache", "a length for each sequence, from 0 to what it has");
    for (std::size_t i = 0; i < lengths.size(); ++i) slot_offsets_[2 * i + 1] = slot_offsets_[2 * i] + lengths[i];
}

}  // namespace kvmem
