#include "kvmem/kernels/sparse_rows.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace kvmem {

SparseRows::SparseRows(Index rows, Index cols) : place_(rows, -1), cols_(cols) {}

Index SparseRows::add(Index row) {
    const auto place = static_cast<Index>(touched_.size());
    if (place == values_.rows()) {
        Matrix more(std::max<Index>(16, 2 * place), cols_);
        std::copy_n(values_.data(), values_.size(), more.data());
        values_ = std::move(more);
    }
    touched_.push_back(row);
    place_[row] = place;
    return place;
}

const Real* SparseRows::find(Index row) const {
    const Index place = place_[row];
    return place < 0 ? nullptr : values_.data() + place * cols_;
}

View SparseRows::dense() {
    if (!dense_) {
        Matrix all;
        if (touched_.empty() && values_.rows() >= rows()) {
            all = std::move(values_);  // keeps the memory
            all.fill(0);
        } else {
            all = Matrix(rows(), cols_);
        }
        for (const Index row : touched_) std::copy_n(find(row), cols_, all.row(row));
        values_ = std::move(all);
        touched_.resize(place_.size());
        std::iota(touched_.begin(), touched_.end(), Index{0});
        place_ = touched_;
        dense_ = true;
    }
    return {values_.data(), rows(), cols_};
}

void SparseRows::clear() {
    for (const Index row : touched_) place_[row] = -1;
    touched_.clear();
    dense_ = false;
}

}  // namespace kvmem
