#include "kvmem/kernels/sparse_rows.hpp"

#include <algorithm>
#include <numeric>

namespace kvmem {

SparseRows::SparseRows(Index rows, Index cols) : place_(static_cast<std::size_t>(rows), -1), cols_(cols) {}

Index SparseRows::add(Index row) {
    const auto place = static_cast<Index>(touched_.size());
    touched_.push_back(row);
    values_.resize(values_.size() + static_cast<std::size_t>(cols_), Real{0});
    place_[static_cast<std::size_t>(row)] = place;
    return place;
}

const Real* SparseRows::find(Index row) const {
    const Index place = place_[static_cast<std::size_t>(row)];
    return place < 0 ? nullptr : values_.data() + place * cols_;
}

View SparseRows::dense() {
    if (!dense_) {
        std::vector<Real> all;
        if (touched_.empty()) all.swap(values_);  // keeps the memory
        all.assign(place_.size() * static_cast<std::size_t>(cols_), Real{0});
        for (const Index row : touched_) std::copy_n(find(row), cols_, all.data() + row * cols_);
        values_ = std::move(all);
        touched_.resize(place_.size());
        std::iota(touched_.begin(), touched_.end(), Index{0});
        place_ = touched_;
        dense_ = true;
    }
    return {values_.data(), rows(), cols_};
}

void SparseRows::clear() {
    for (const Index row : touched_) place_[static_cast<std::size_t>(row)] = -1;
    touched_.clear();
    values_.clear();
    dense_ = false;
}

}  // namespace kvmem
