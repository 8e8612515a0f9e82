// The scan of a snapshot's tiles: which slots can reach the thresholds of some queries.
#pragma once

#include "store/search/query.hpp"
#include "store/snapshot.hpp"

#include <vector>

namespace kvmem::store {

// Whole tiles of a segment: [first_tile, end_tile).
struct TileRange {
    Index segment, first_tile, end_tile;
};

class TileScan {
  public:
    // Queries of one call: they and their results stay in the second-level cache.
    static constexpr Index max_queries = 256;

    // Both arguments must outlive the scan.
    TileScan(const Snapshot& snapshot, const Queries& queries) : snapshot_(snapshot), queries_(queries) {}

    // The arrays of one thread. A scan reads `thresholds` and writes the others; query i of a call has row i.
    struct Scratch {
        explicit Scratch(Index queries)
            : thresholds(queries), above(queries), scores(queries * detail::scan_tile), errors(queries) {}
        std::vector<float> thresholds;
        std::vector<std::uint64_t> above;  // a bit for each slot of the tile that may reach the threshold
        std::vector<float> scores;         // [queries, 64]: x of these slots
        std::vector<double> errors;        // of the scores; the caller alone uses them
        std::vector<float> products, packed;
    };

    const Segment& segment(Index segment) const { return *snapshot_.segments[segment].segment; }
    // The largest bounds of some tiles.
    detail::CodeBound bound_of(const TileRange& range) const;

    // Whether a product of matrices over several tiles is faster for this number of queries.
    bool multiplies(Index s, Index count) const { return by_rows(segment(s)) && count > detail::few_row_queries; }
    // Scans a tile for queries [first, first + count).
    void scan(Index segment, Index tile, Index first, Index count, Scratch& scratch) const;
    // The same by a product of matrices. The tiles of a range must come in their order.
    void multiply(const TileRange& range, Index tile, Index first, Index count, Scratch& scratch) const;

  private:
    void multiply_tiles(const TileRange& range, Index tile, Index first, Index count, Scratch& scratch) const;
    bool by_rows(const Segment& s) const { return s.words() == 0 || queries_.is_head(); }
    detail::Affine affine(const Segment& s, Index slot) const {
        return queries_.is_head() ? detail::Affine{} : s.affine(slot);
    }
    const float* keys(const Segment& s, Index slot) const { return s.key(slot) + queries_.column(); }
    // Slots of a tile and those behind it.
    Index slots_from(Index segment, Index tile) const {
        return snapshot_.segments[segment].count - tile * detail::scan_tile;
    }

    const Snapshot& snapshot_;
    const Queries& queries_;
};

}  // namespace kvmem::store
