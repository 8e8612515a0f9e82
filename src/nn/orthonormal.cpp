#include "nn/orthonormal.hpp"

#include "kvmem/core/eigen.hpp"

#include <Eigen/Householder>

#include <vector>

namespace kvmem::detail {

namespace {
// I - tau v v', with v = (1, essential), on the numbers from `first` on.
struct Reflection {
    Eigen::Index first;
    Eigen::VectorXd essential;
    double tau, sign;  // sign of the diagonal number of R
};
}  // namespace

template <class Block>
static void apply(const Reflection& r, Block columns, std::vector<double>& scratch) {
    scratch.resize(columns.cols());
    columns.bottomRows(columns.rows() - r.first).applyHouseholderOnTheLeft(r.essential, r.tau, scratch.data());
}

Matrix orthonormal_rows(ConstView a, double tolerance) {
    // Columns here are rows of `a`. An owned matrix is aligned, so that sums have one order.
    Eigen::MatrixXd columns = as_eigen(a).transpose().cast<double>();
    const double shortest = tolerance * (a.empty() ? 0 : columns.colwise().norm().maxCoeff());
    std::vector<Reflection> reflections;
    std::vector<double> scratch;
    for (Eigen::Index j = 0; j < columns.cols(); ++j) {
        const auto first = static_cast<Eigen::Index>(reflections.size());
        if (first == columns.rows()) break;
        const auto rest = columns.col(j).tail(columns.rows() - first);
        if (!(rest.norm() > shortest)) continue;  // depends on the rows before
        Reflection r{first, Eigen::VectorXd(rest.size() - 1), 0, 1};
        double diagonal = 0;
        rest.makeHouseholder(r.essential, r.tau, diagonal);
        r.sign = diagonal < 0 ? -1 : 1;
        apply(r, columns.rightCols(columns.cols() - j), scratch);
        reflections.push_back(std::move(r));
    }
    // Q = H_1 H_2 ... H_rank, on the first columns of the identity. Reflection i leaves the columns before i alone.
    const auto rank = static_cast<Eigen::Index>(reflections.size());
    Eigen::MatrixXd basis = Eigen::MatrixXd::Identity(columns.rows(), rank);
    for (std::size_t i = reflections.size(); i-- > 0;)
        apply(reflections[i], basis.rightCols(rank - static_cast<Eigen::Index>(i)), scratch);
    for (const Reflection& r : reflections) basis.col(r.first) *= r.sign;
    Matrix rows(rank, a.cols);
    as_eigen(rows) = basis.transpose().cast<Real>();
    return rows;
}

}  // namespace kvmem::detail
