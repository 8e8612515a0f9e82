// Numbers of other libraries: views of Eigen's matrices and of vectors copy nothing, and Eigen computes on ours.
#include "kvmem/core/eigen.hpp"
#include "kvmem/kernels/attend.hpp"

#include <iostream>

using namespace kvmem;

int main() {
    const RowMajor keys = RowMajor::Identity(3, 3);  // row by row, as ours: viewed
    Eigen::Matrix<Real, 3, 2> values;                // Eigen's default order is column by column: copied
    values << 10, 1, 20, 2, 30, 3;
    const std::vector<Real> queries{3, 0, 0, 0, 0, 3};  // two rows of three numbers
    const ConstView query = view_of(queries, 3);

    const Real scale = inverse_sqrt(3);
    const Matrix read = attend(query, view_of(keys), matrix_of(values), {.scale = scale});
    std::cout << "read:\n" << as_eigen(read) << "\n";

    // The same by Eigen alone.
    RowMajor weights = (scale * as_eigen(query) * keys.transpose()).array().exp();
    weights.array().colwise() /= weights.rowwise().sum().eval().array();
    const Real difference = (as_eigen(read) - weights * values).cwiseAbs().maxCoeff();
    std::cout << "largest difference from Eigen: " << difference << "\n";
    return difference < 1e-4f ? 0 : 1;
}
