// The projected keys and values of the tokens so far, for decoding step by step.
#pragma once

#include "kvmem/core/matrix.hpp"

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace kvmem {

// A growing list of slots for each of N sequences, which MultiHeadAttention fills and reads. All sequences lie in two
// matrices with room to grow after each, so a step copies only what is new, unless the room must double. One attend()
// reads all: its segments are sequence 0, its room, sequence 1, its room, ..., and no query belongs to a room.
class KeyValueCache {
  public:
    // Throws Error when the number is negative or above 2^31.
    explicit KeyValueCache(Index sequences);

    // The number N of sequences.
    Index sequences() const { return sequences_; }
    std::vector<Index> lengths() const;  // slots of each sequence

    // Adds rows [offsets[i], offsets[i+1]) of key [n, G*D] and value [n, G*E] to the end of sequence i; the N + 1
    // offsets rise from 0 to n. The rows may be rows of this cache. The first call determines the widths. Throws Error,
    // with nothing changed, when shapes do not fit.
    void append(ConstView key, ConstView value, std::span<const Index> offsets);

    // Adds empty sequences behind the others. Throws Error, with nothing changed, for fewer than none, and for more
    // than 2^31 in all.
    void add_sequences(Index count);

    // Forgets the slots after the first lengths[i] of each sequence i. Throws Error, with nothing changed, unless each
    // length is from 0 to that of the sequence.
    void truncate(std::span<const Index> lengths);

    // Sequence i becomes a copy of what sequence rows[i] was: there are as many as rows. What two sequences have in
    // common since one became a copy of the other does not move, so hypotheses of a beam move little more than their
    // last slots. Throws Error, with nothing changed, for rows that are no sequences.
    void reorder(std::span<const Index> rows);

    // Keys and values of all sequences, with their room. Valid until the next call that changes it.
    ConstView key() const { return key_.view().middle_rows(0, sequences_ * room_); }      // [N * room, G*D]
    ConstView value() const { return value_.view().middle_rows(0, sequences_ * room_); }  // [N * room, G*E]
    // Offsets of 2N segments: sequence i is segment 2i, its room is segment 2i + 1.
    std::span<const Index> slot_offsets() const { return slot_offsets_; }

  private:
    Index first(Index sequence) const { return slot_offsets_[2 * sequence]; }
    Index end(Index sequence) const { return slot_offsets_[2 * sequence + 1]; }
    // Moves every sequence to `room` rows, with places for `sequences`. Returns the matrices that held them, which the
    // caller may still view.
    std::pair<Matrix, Matrix> resize(Index sequences, Index room, Index key_cols, Index value_cols);
    void set_lengths(std::span<const Index> lengths);

    Index sequences_;
    Index room_ = 0;      // rows of a sequence
    Matrix key_, value_;  // after add_sequences() or reorder() perhaps with places for more
    std::vector<Index> slot_offsets_;
    std::vector<std::int64_t> names_;  // of the slot in each row: slots of one name are equal
    std::int64_t last_name_ = 0;
};

}  // namespace kvmem
