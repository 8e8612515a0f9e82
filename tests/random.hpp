// What several tests make their inputs from.
#pragma once

#include "kvmem/core/matrix.hpp"
#include "kvmem/core/rng.hpp"

#include <cmath>
#include <cstring>
#include <vector>

namespace kvmem::test {

inline Matrix normal(Index rows, Index cols, std::uint64_t seed, double deviation = 1) {
    Matrix m(rows, cols);
    Rng rng(seed);
    for (Real& x : m.view().span()) x = static_cast<Real>(deviation * rng.normal());
    return m;
}

// 0 and the running sums of `counts`.
inline std::vector<Index> offsets(const std::vector<Index>& counts) {
    std::vector<Index> all{0};
    for (const Index n : counts) all.push_back(all.back() + n);
    return all;
}

// The largest |a - b|; NaN when a number of either is NaN.
inline double distance(ConstView a, ConstView b) {
    double worst = 0;
    for (Index i = 0; i < a.size(); ++i) {
        const double d = std::abs(double{a.data[i]} - double{b.data[i]});
        if (!(d <= worst)) worst = d;
        if (d != d) break;
    }
    return worst;
}

// Also tells 0 from -0, and finds NaN the same as itself.
inline bool same_bits(ConstView a, ConstView b) {
    return a.rows == b.rows && a.cols == b.cols &&
           (a.empty() || std::memcmp(a.data, b.data, a.span().size_bytes()) == 0);
}

}  // namespace kvmem::test
