// Rows of different lengths in two arrays (compressed sparse rows): the one form of variable-length data
// in files, batches and kernels. Row i is values[offsets[i] .. offsets[i + 1]).
#pragma once

#include "kvmem/core/assert.hpp"
#include "kvmem/core/types.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace kvmem {

template <class T>
struct RaggedView {
    std::span<const T> values;
    std::span<const Index> offsets;  // rows + 1 of them, rising from 0

    Index size() const { return offsets.empty() ? 0 : static_cast<Index>(offsets.size()) - 1; }
    // Whether the offsets are as they must be: what comes from outside is asked before a row is taken.
    bool valid() const {
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
    std::vector<T> values;
    std::vector<Index> offsets{0};

    Index size() const { return view().size(); }
    bool empty() const { return size() == 0; }
    std::span<const T> operator[](Index i) const { return view()[i]; }
    RaggedView<T> view() const { return {values, offsets}; }
    operator RaggedView<T>() const { return view(); }

    // Ends the row that holds all values pushed since the last one ended.
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
