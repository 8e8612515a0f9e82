#include "store/search/centroids.hpp"

#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <limits>

namespace kvmem::store {

using detail::scan_tile;

// Queries that share each tile of codes while it is in the cache.
static constexpr Index query_block = 64;

namespace {

struct Near {
    float score;
    std::uint32_t centroid;
};

// The nearest centroids of one block of queries.
class NearestCentroids {
  public:
    NearestCentroids(const Segment& centroids, const Queries& queries, Index count)
        : centroids_(centroids), queries_(queries), count_(count) {}

    // Writes the rows of queries [first, first + n).
    void run(Index first, Index n, std::uint32_t* out) {
        nearest_.assign(n * count_, {-std::numeric_limits<float>::infinity(), 0});
        std::fill_n(min_, n, -std::numeric_limits<float>::infinity());
        for (Index tile = 0; tile < centroids_.tiles(); ++tile) scan(tile, first, n);
        std::transform(nearest_.begin(), nearest_.end(), out, [](const Near& x) { return x.centroid; });
    }

  private:
    void scan(Index tile, Index first, Index n) {
        const Index slot = tile * scan_tile, slots = std::min(scan_tile, centroids_.capacity - slot);
        detail::scan().scan_int8({centroids_.codes_of(tile), centroids_.words(), centroids_.affine(slot),
                                  queries_.codes(first), queries_.scales(first), queries_.starts(first), n, false},
                                 {min_, above_, scores_});
        const std::uint64_t valid = slots == scan_tile ? ~std::uint64_t{0} : (std::uint64_t{1} << slots) - 1;
        for (Index q = 0; q < n; ++q)
            for (std::uint64_t bits = above_[q] & valid; bits != 0; bits &= bits - 1) {
                const Index i = __builtin_ctzll(bits);
                min_[q] = insert(nearest_.data() + q * count_,
                                 {scores_[q * scan_tile + i], static_cast<std::uint32_t>(slot + i)});
            }
    }

    // Inserts into a sorted row, behind equal scores, and returns the worst score of the row.
    float insert(Near* row, Near x) const {
        Index at = count_;
        while (at > 0 && x.score > row[at - 1].score) --at;
        if (at < count_) {
            std::move_backward(row + at, row + count_ - 1, row + count_);
            row[at] = x;
        }
        return row[count_ - 1].score;
    }

    const Segment& centroids_;
    const Queries& queries_;
    Index count_;
    std::vector<Near> nearest_;  // [n, count]
    float min_[query_block];     // of each query: the worst of its nearest, which others must reach
    std::uint64_t above_[query_block];
    float scores_[query_block * scan_tile];
};

}  // namespace

std::vector<std::uint32_t> nearest_centroids(const Segment& centroids, const Queries& queries, Index count) {
    std::vector<std::uint32_t> all(queries.count() * count);
    const Index blocks = (queries.count() + query_block - 1) / query_block;
    parallel_for(blocks, 1, [&](Index first, Index last) {
        NearestCentroids nearest(centroids, queries, count);
        for (Index block = first; block < last; ++block) {
            const Index query = block * query_block;
            nearest.run(query, std::min(query_block, queries.count() - query), all.data() + query * count);
        }
    });
    return all;
}

}  // namespace kvmem::store
