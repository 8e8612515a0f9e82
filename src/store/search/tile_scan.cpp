#include "store/search/tile_scan.hpp"

#include "kernels/simd/table.hpp"

#include <algorithm>

namespace kvmem::store {

using detail::scan_tile;

// Tiles of float keys that one product of matrices covers.
static constexpr Index product_tiles = 4;
// Segments with more bytes to scan do not stay in the caches, and are prefetched.
static constexpr Index far_bytes = Index{4} << 20;

detail::CodeBound TileScan::bound_of(const TileRange& range) const {
    detail::CodeBound max;
    for (Index tile = range.first_tile; tile < range.end_tile; ++tile) {
        const detail::CodeBound b = segment(range.segment).bounds[tile];
        max = {std::max(max.error, b.error), std::max(max.norm, b.norm)};
    }
    return max;
}

void TileScan::scan(Index segment, Index tile, Index first, Index count, Scratch& scratch) const {
    const Segment& s = this->segment(segment);
    const Index slot = tile * scan_tile, width = queries_.width();
    const detail::ScanOutput out{scratch.thresholds.data(), scratch.above.data(), scratch.scores.data()};
    if (by_rows(s)) {
        const bool exceeds_l2 = s.capacity * width * 4 > far_bytes;
        const Index slots = std::min(scan_tile, slots_from(segment, tile));
        return detail::scan().scan_rows({keys(s, slot), s.options.key_width, slots, width, affine(s, slot),
                                         queries_.row(first), width, count, exceeds_l2},
                                        out);
    }
    const bool exceeds_l2 = s.capacity * s.words() * 4 > far_bytes;
    const bool is_int8 = s.options.encoding == KeyEncoding::int8;
    const detail::CodeTile codes{s.codes_of(tile),
                                 s.words(),
                                 s.affine(slot),
                                 queries_.codes(first),
                                 is_int8 ? queries_.scales(first) : nullptr,
                                 is_int8 ? queries_.starts(first) : nullptr,
                                 count,
                                 exceeds_l2};
    (is_int8 ? detail::scan().scan_int8 : detail::scan().scan_bf16)(codes, out);
}

// Products of the queries with the keys of product_tiles tiles, row after row.
void TileScan::multiply_tiles(const TileRange& range, Index tile, Index first, Index count, Scratch& scratch) const {
    const Segment& s = segment(range.segment);
    const Index width = queries_.width(), row = product_tiles * scan_tile;
    const Index slots = std::min({row, (range.end_tile - tile) * scan_tile, slots_from(range.segment, tile)});
    scratch.products.resize(max_queries * row);
    scratch.packed.resize(detail::gemm_scratch);
    detail::simd().gemm({count, slots, width, queries_.row(first), width, 1, keys(s, tile * scan_tile), 1,
                         scratch.products.data(), row},
                        1, s.options.key_width, false, scratch.packed.data());
}

void TileScan::multiply(const TileRange& range, Index tile, Index first, Index count, Scratch& scratch) const {
    const Index at = (tile - range.first_tile) % product_tiles;
    if (at == 0) multiply_tiles(range, tile, first, count, scratch);
    const float* products = scratch.products.data() + at * scan_tile;
    const Index slots = std::min(scan_tile, slots_from(range.segment, tile));
    const detail::Affine scaling = affine(segment(range.segment), tile * scan_tile);
    for (Index q = 0; q < count; ++q, products += product_tiles * scan_tile)
        scratch.above[q] = detail::scan().above(products, slots, scaling, scratch.thresholds[q],
                                                scratch.scores.data() + q * scan_tile);
}

}  // namespace kvmem::store
