#include "store/search/centroids.hpp"

#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <limits>

namespace kvmem::store {

using detail::scan_tile;

static constexpr Index queries_at_once = 64;

namespace {

struct Near {
    float score;
    std::uint32_t centroid;
};

// Queries [first, first + n) on all tiles.
class NearestCentroids {
  public:
    NearestCentroids(const Part& part, const Queries& queries, Index count)
        : part_(part), queries_(queries), count_(static_cast<std::size_t>(count)) {}

    void run(Index first, Index n, std::uint32_t* out) {
        near_.assign(static_cast<std::size_t>(n) * count_, {-std::numeric_limits<float>::infinity(), 0});
        float least[queries_at_once], scores[queries_at_once * scan_tile];
        std::uint64_t above[queries_at_once];
        std::fill_n(least, n, -std::numeric_limits<float>::infinity());
        for (Index tile = 0; tile < part_.tiles(); ++tile) {
            const Index slot = tile * scan_tile, slots = std::min(scan_tile, part_.capacity - slot);
            detail::scan().scan_int8({part_.codes_of(tile), part_.words(), part_.affine(slot), queries_.codes(first),
                                      queries_.scales(first), queries_.starts(first), n, false},
                                     {least, above, scores});
            const std::uint64_t there = slots == scan_tile ? ~std::uint64_t{0} : (std::uint64_t{1} << slots) - 1;
            for (Index q = 0; q < n; ++q)
                for (std::uint64_t bits = above[q] & there; bits != 0; bits &= bits - 1) {
                    const Index i = __builtin_ctzll(bits);
                    least[q] = take(near_.data() + static_cast<std::size_t>(q) * count_,
                                    {scores[q * scan_tile + i], static_cast<std::uint32_t>(slot + i)});
                }
        }
        std::transform(near_.begin(), near_.end(), out, [](const Near& x) { return x.centroid; });
    }

  private:
    // Into a sorted row; what is equal to what is there already comes after it. Returns the worst score of the row.
    float take(Near* row, Near x) const {
        std::size_t at = count_;
        while (at > 0 && x.score > row[at - 1].score) --at;
        for (std::size_t i = count_; i-- > at + 1;) row[i] = row[i - 1];
        if (at < count_) row[at] = x;
        return row[count_ - 1].score;
    }

    const Part& part_;
    const Queries& queries_;
    std::size_t count_;
    std::vector<Near> near_;
};

}  // namespace

std::vector<std::uint32_t> nearest_centroids(const Part& centroids, const Queries& queries, Index count) {
    std::vector<std::uint32_t> all(static_cast<std::size_t>(queries.count() * count));
    const Index blocks = (queries.count() + queries_at_once - 1) / queries_at_once;
    parallel_for(blocks, 1, [&](Index first, Index last) {
        NearestCentroids nearest(centroids, queries, count);
        for (Index block = first; block < last; ++block) {
            const Index query = block * queries_at_once;
            nearest.run(query, std::min(queries_at_once, queries.count() - query), all.data() + query * count);
        }
    });
    return all;
}

}  // namespace kvmem::store
