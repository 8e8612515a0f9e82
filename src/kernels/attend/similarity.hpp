// Cosine and Euclidean similarity as dot products: of rows of unit length, and with -|k|^2 as a bias. Not installed.
//
// Squares less products are good in float near the origin only. Segments that are far from it are moved there first;
// where the points of one are far from each other, or queries are few, the similarity stays Euclidean.
#pragma once

#include "kvmem/kernels/attend.hpp"

namespace kvmem::detail {

// A lookup that differs from the given one in its operands and its log-sum-exp only.
class Reduction {
  public:
    // Takes what it makes from `scratch`, and views what it was given.
    Reduction(const AttendInput& in, const Segments& segments, const AttendOptions& options, Arena& scratch);
    Reduction(const Reduction&) = delete;
    Reduction& operator=(const Reduction&) = delete;

    const AttendInput& input() const { return in_; }
    const AttendOptions& options() const { return options_; }

    // The log-sum-exp of the reduced lookup to that of the given one, or (sign -1) back. In place.
    void shift(View log_sum_exp, Real sign) const;

    // Where the reduced lookup's gradients go, and from there to the given ones'.
    AttendGradients reduced(const AttendGradients& grads);
    void expand(const AttendGradients& grads);

  private:
    bool make_products();
    void center(const Segments& segments);
    bool is_reduced_distance() const {
        return given_options_.similarity == Similarity::euclidean && options_.similarity == Similarity::dot;
    }

    const AttendInput& given_;
    const AttendOptions& given_options_;
    AttendInput in_;
    AttendOptions options_;
    Arena& scratch_;
    std::span<Real> query_length_, key_length_;
    View query_squares_;
    AttendGradients inner_;
};

}  // namespace kvmem::detail
