// Queries, made ready for comparison with many slots.
//
// Scans work with x = query . key, of cosine with the key's direction, of Euclid less half of the key's square: numbers
// that order slots of one query as their scores do. What they may be wrong by is bounded for each tile of slots.
#pragma once

#include "store/part.hpp"

#include <vector>

namespace kvmem::store {

class Queries {
  public:
    // Throws Error unless the rows are of the store's width and finite. They must outlive the queries.
    Queries(ConstView rows, const StoreOptions& options);
    // One head of several: rows of any width, compared with the columns of keys that begin with this one, by products.
    Queries(ConstView rows, const StoreOptions& options, Index column);

    Index count() const { return rows_.rows; }
    Index width() const { return rows_.cols; }
    Index column() const { return column_; }
    bool is_head() const { return is_head_; }  // compared with a part of the float keys
    const float* row(Index query) const { return rows_.row(query); }

    // The score that results have, of a whole key.
    float score(Index query, const float* key) const;
    // The least x that a slot of this score can have, rounding and all.
    double threshold(Index query, float score) const;
    // How far a scan's x of a slot may be from the truth.
    double error(Index query, const detail::CodeBound& bound) const {
        const Prepared& q = prepared_[static_cast<std::size_t>(query)];
        return bound.error * q.norm + (bound.norm + bound.error) * q.lost +
               bound.norm * bound.norm * euclidean_rounding_ + underflow;
    }

    // For the scan of narrow forms; queries [first, ...) as in detail::CodeTile.
    const void* codes(Index first) const;
    const float* scales(Index first) const { return scales_.data() + first; }
    const std::int32_t* starts(Index first) const { return starts_.data() + first; }

  private:
    struct Prepared {
        double norm, lost;  // |q|; what is lost for each unit of a key's norm: of its code and in rounding
    };
    void prepare();

    // Below the smallest normal numbers of float nothing is relative any more.
    static constexpr double underflow = 1e-35;

    ConstView rows_;
    StoreOptions options_;
    Index column_ = 0;
    bool is_head_ = false;
    Index words_ = 0;
    double euclidean_rounding_ = 0;
    std::vector<Prepared> prepared_;
    std::vector<std::uint32_t> words_of_codes_;
    std::vector<float> floats_of_codes_;
    std::vector<float> scales_;
    std::vector<std::int32_t> starts_;
};

// Throws Error unless all numbers are finite and no row's square reaches 1e37, so that no product overflows.
void require_numbers(ConstView rows, const char* where);

}  // namespace kvmem::store
