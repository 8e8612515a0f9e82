// Principal component analysis: the directions in which points vary most, for pictures of vectors.
#pragma once

#include "kvmem/core/matrix.hpp"

#include <vector>

namespace kvmem {

// Of n points of d numbers, in k dimensions.
struct PrincipalComponents {
    Matrix mean;                   // [1, d]
    Matrix directions;             // [k, d]: orthonormal rows, the one of the largest variance first
    Matrix coordinates;            // [n, k]: (point - mean) directions'
    std::vector<double> variance;  // [k]: along each direction, of n - 1 degrees of freedom
    double total_variance = 0;     // over all d numbers
};

// The eigenvectors of the covariance of points [n, d] (Pearson 1901; Hotelling 1933), with `dimensions` from 0 to d. In
// each direction the number farthest from 0, the first of equal ones, is positive. Of points without variance any
// orthonormal directions are right. Worked out in double on the calling thread, in O(n d^2 + d^3). Bit-reproducible.
// Throws Error for other dimensions and for numbers that are not finite.
PrincipalComponents pca(ConstView points, Index dimensions);

}  // namespace kvmem
