// Queries, prepared for comparison with many slots.
//
// A scan computes x = query . key; for the cosine metric with the key's direction, for the Euclidean one less half of
// the key's square. So x orders the slots of one query as their scores do. Its error is bounded for each tile of slots.
#pragma once

#include "store/segment.hpp"

#include <vector>

namespace kvmem::store {

class Queries {
  public:
    // Throws Error unless the rows are valid and as wide as the keys. The rows must outlive the queries.
    Queries(ConstView rows, const StoreOptions& options);
    // Queries of one attention head: rows of any width, multiplied with the columns of float keys from `column` on.
    Queries(ConstView rows, const StoreOptions& options, Index column);

    Index count() const { return rows_.rows; }
    Index width() const { return rows_.cols; }
    Index column() const { return column_; }
    bool is_head() const { return is_head_; }
    const float* row(Index query) const { return rows_.row(query); }

    // The exact score of a whole key, as results have it.
    float score(Index query, const float* key) const;
    // The smallest x that a slot with this score can have, rounding included.
    double threshold(Index query, float score) const;
    // The largest difference between a scan's x of a slot in a tile and the true x.
    double error(Index query, const detail::CodeBound& bound) const {
        const Prepared& q = prepared_[query];
        return bound.error * q.norm + (bound.norm + bound.error) * q.lost +
               bound.norm * bound.norm * euclidean_rounding_ + underflow;
    }

    // For scans of codes: queries [first, ...) as in detail::CodeTile.
    const void* codes(Index first) const;
    const float* scales(Index first) const { return scales_.data() + first; }
    const std::int32_t* starts(Index first) const { return starts_.data() + first; }

  private:
    // |q|, and what its code and rounding lose for each unit of a key's norm.
    struct Prepared {
        double norm, lost;
    };
    void prepare();
    void allocate_codes();
    double encode(Index query);

    // Relative errors do not hold below the smallest normal float.
    static constexpr double underflow = 1e-35;

    ConstView rows_;
    StoreOptions options_;
    Index column_ = 0;
    bool is_head_ = false;
    Index words_ = 0;
    double euclidean_rounding_ = 0;
    std::vector<Prepared> prepared_;
    std::vector<std::uint32_t> int8_codes_;
    std::vector<float> bf16_codes_;  // as floats, which scans multiply with decoded keys
    std::vector<float> scales_;
    std::vector<std::int32_t> starts_;
};

// Throws Error unless all rows are valid (first_invalid_row): then no product overflows.
void require_valid(ConstView rows, const char* where);

}  // namespace kvmem::store
