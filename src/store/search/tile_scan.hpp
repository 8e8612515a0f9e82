// The scan of a state's tiles: which slots can reach what queries ask for.
#pragma once

#include "store/search/query.hpp"
#include "store/state.hpp"

#include <vector>

namespace kvmem::store {

// StoredSlots of a slice, in whole tiles.
struct TileRange {
    Index slice, first_tile, end_tile;
};

class TileScan {
  public:
    // Queries that may be asked for at once: they and what is found for them stay in the second-level cache.
    static constexpr Index most_queries = 256;

    // Both must outlive it.
    TileScan(const State& state, const Queries& queries) : state_(state), queries_(queries) {}

    // What scans of one thread ask for and find. Of query i of a call: the least score, a bit for each slot of the tile
    // that may have it, and what is known of these slots' scores, [64].
    struct Scratch {
        explicit Scratch(Index queries)
            : least(static_cast<std::size_t>(queries)), above(least.size()), scores(least.size() * detail::scan_tile) {}
        std::vector<float> least;
        std::vector<std::uint64_t> above;
        std::vector<float> scores;
        std::vector<float> products, packed;
        std::vector<double> errors;
    };

    const Part& part(Index slice) const { return *state_.slices[static_cast<std::size_t>(slice)].part; }
    // The larger bounds of some tiles.
    detail::CodeBound bound_of(const TileRange& range) const;

    // Whether so many queries are better multiplied with the keys of several tiles at once.
    bool multiplies(Index slice, Index count) const { return by_rows(part(slice)) && count > detail::few_row_queries; }
    // A tile with queries [first, first + count).
    void scan(Index slice, Index tile, Index first, Index count, Scratch& scratch) const;
    // The same by multiplying; tiles of a range must come in their order.
    void multiply(const TileRange& range, Index tile, Index first, Index count, Scratch& scratch) const;

  private:
    bool by_rows(const Part& p) const { return p.words() == 0 || queries_.is_head(); }
    detail::Affine affine(const Part& p, Index slot) const {
        return queries_.is_head() ? detail::Affine{} : p.affine(slot);
    }
    const float* keys(const Part& p, Index slot) const {
        return p.keys.data() + slot * p.options.key_width + queries_.column();
    }

    const State& state_;
    const Queries& queries_;
};

}  // namespace kvmem::store
