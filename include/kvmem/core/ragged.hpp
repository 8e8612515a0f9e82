// Rows of different lengths in two arrays (compressed sparse rows): row i is values[offsets[i] .. offsets[i + 1]). All
// variable-length data in files, batches and kernels have this form. A RaggedView is valid for as long as both arrays.
#pragma once

#include "kvmem/core/assert.hpp"
#include "kvmem/core/types.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace kvmem {

// Rows of different lengths, as a view of values and offsets that the view does not own.
template <class T>
struct RaggedView {
    // The values of all rows, one row after the other.
    std::span<const T> values;
    std::span<const Index> offsets;  // rows + 1 of them, rising from 0

    // The number of rows.
    [[nodiscard]] Index size() const { return offsets.empty() ? 0 : static_cast<Index>(offsets.size()) - 1; }
    // Whether the offsets rise from 0 to the number of values. Check data from outside before taking a row.
    [[nodiscard]] bool valid() const {
        return offsets.empty() ? values.empty()
                               : offsets.front() == 0 && offsets.back() == static_cast<Index>(values.size()) &&
                                     std::is_sorted(offsets.begin(), offsets.end());
    }
    std::span<const T> operator[](Index i) const {
        KVMEM_ASSERT(0 <= i && i < size());
        const auto at = static_cast<std::size_t>(i);
        return values.subspan(static_cast<std::size_t>(offsets[at]),
                              static_cast<std::size_t>(offsets[at + 1] - offsets[at]));
    }
};

template <class T>
struct Ragged {
    // The values of all rows, and where each row begins and the last one ends.
    std::vector<T> values;
    std::vector<Index> offsets{0};

    // The number of rows, and one row or all as a view, valid until rows are added or the object is moved.
    [[nodiscard]] Index size() const { return view().size(); }
    [[nodiscard]] bool empty() const { return size() == 0; }
    std::span<const T> operator[](Index i) const { return view()[i]; }
    [[nodiscard]] RaggedView<T> view() const { return {values, offsets}; }
    operator RaggedView<T>() const { return view(); }

    // Ends the row of the values that were pushed since the last row ended.
    void end_row() { offsets.push_back(static_cast<Index>(values.size())); }
    void push_row(std::span<const T> row) {
        values.insert(values.end(), row.begin(), row.end());
        end_row();
    }
    void clear() {
        values.clear();
        offsets.assign(1, 0);
    }
    bool operator==(const Ragged&) const = default;
};

}  // namespace kvmem
