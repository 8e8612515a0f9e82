#include "kvmem/nn/pca.hpp"

#include "kvmem/core/eigen.hpp"

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>

namespace kvmem {

static void make_largest_positive(Eigen::VectorXd& direction) {
    Eigen::Index at = 0;
    if (direction.size() > 0) direction.cwiseAbs().maxCoeff(&at);
    if (direction.size() > 0 && direction[at] < 0) direction = -direction;
}

PrincipalComponents pca(ConstView points, Index dimensions) {
    require_shape(dimensions >= 0 && dimensions <= points.cols, "pca", "dimensions from 0 to the points' width");
    require_shape(std::ranges::all_of(points.span(), [](Real x) { return std::isfinite(x); }), "pca",
                  "numbers that are finite");
    // Owned matrices are aligned, so that sums have one order.
    Eigen::MatrixXd centred = as_eigen(points).cast<double>();
    const Eigen::RowVectorXd mean =
        points.rows > 0 ? Eigen::RowVectorXd(centred.colwise().mean()) : Eigen::RowVectorXd::Zero(points.cols);
    centred.rowwise() -= mean;
    const Eigen::MatrixXd covariance =
        centred.transpose() * centred / static_cast<double>(std::max<Index>(points.rows - 1, 1));
    Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;  // its eigenvalues rise
    if (dimensions > 0) solver.compute(covariance);
    Eigen::MatrixXd directions(points.cols, dimensions);
    PrincipalComponents found;
    found.total_variance = covariance.trace();
    for (Index i = 0; i < dimensions; ++i) {
        Eigen::VectorXd direction = solver.eigenvectors().col(points.cols - 1 - i);
        make_largest_positive(direction);
        directions.col(i) = direction;
        found.variance.push_back(std::max(solver.eigenvalues()[points.cols - 1 - i], 0.0));
    }
    found.mean = matrix_of(mean.cast<Real>());
    found.directions = matrix_of(directions.transpose().cast<Real>());
    found.coordinates = matrix_of((centred * directions).cast<Real>());
    return found;
}

}  // namespace kvmem
