#include "store/search/tile_scan.hpp"

#include "kernels/simd/table.hpp"

#include <algorithm>

namespace kvmem::store {

using detail::scan_tile;

// Rows of float keys that are multiplied with many queries at once, in tiles.
static constexpr Index product_tiles = 4;
// Bytes of keys that are worth asking for ahead of time.
static constexpr Index far_bytes = Index{4} << 20;

detail::CodeBound TileScan::bound_of(const TileRange& range) const {
    detail::CodeBound most;
    for (Index tile = range.first_tile; tile < range.end_tile; ++tile) {
        const detail::CodeBound b = part(range.slice).bounds[tile];
        most = {std::max(most.error, b.error), std::max(most.norm, b.norm)};
    }
    return most;
}

void TileScan::scan(Index slice, Index tile, Index first, Index count, Scratch& scratch) const {
    const Part& p = part(slice);
    const Index slot = tile * scan_tile, width = queries_.width();
    const detail::ScanOutput out{scratch.least.data(), scratch.above.data(), scratch.scores.data()};
    const Index slots = std::min(scan_tile, state_.slices[static_cast<std::size_t>(slice)].count - slot);
    if (by_rows(p)) {
        const bool far = p.capacity * width * 4 > far_bytes;
        return detail::scan().scan_rows(
            {keys(p, slot), p.options.key_width, slots, width, affine(p, slot), queries_.row(first), width, count, far},
            out);
    }
    const bool far = p.capacity * p.words() * 4 > far_bytes;
    const bool bytes = p.options.encoding == KeyEncoding::int8;
    const detail::CodeTile codes{p.codes_of(tile),
                                 p.words(),
                                 p.affine(slot),
                                 queries_.codes(first),
                                 bytes ? queries_.scales(first) : nullptr,
                                 bytes ? queries_.starts(first) : nullptr,
                                 count,
                                 far};
    (bytes ? detail::scan().scan_int8 : detail::scan().scan_bf16)(codes, out);
}

// Products of several tiles at once, when the first of them comes.
void TileScan::multiply(const TileRange& range, Index tile, Index first, Index count, Scratch& scratch) const {
    const Part& p = part(range.slice);
    const Index width = queries_.width(), row = product_tiles * scan_tile;
    const Index place = (tile - range.first_tile) % product_tiles, slot = tile * scan_tile;
    const Index end = state_.slices[static_cast<std::size_t>(range.slice)].count;
    if (place == 0) {
        scratch.products.resize(static_cast<std::size_t>(most_queries * row));
        scratch.packed.resize(static_cast<std::size_t>(detail::gemm_scratch));
        const Index slots = std::min({row, (range.end_tile - tile) * scan_tile, end - slot});
        detail::simd().gemm(
            {count, slots, width, queries_.row(first), width, 1, keys(p, slot), 1, scratch.products.data(), row}, 1,
            p.options.key_width, false, scratch.packed.data());
    }
    const Index slots = std::min(scan_tile, end - slot);
    for (Index q = 0; q < count; ++q)
        scratch.above[static_cast<std::size_t>(q)] =
            detail::scan().above(scratch.products.data() + q * row + place * scan_tile, slots, affine(p, slot),
                                 scratch.least[static_cast<std::size_t>(q)], scratch.scores.data() + q * scan_tile);
}

}  // namespace kvmem::store
