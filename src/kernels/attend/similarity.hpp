// Cosine and Euclidean similarity as dot products: of rows of unit length, or with -|k|^2 as a bias. Not installed.
//
// Squares less products are accurate in float near the origin only, so distant segments are moved there first. Where
// the points of a segment are far from each other, or queries are few, the similarity stays Euclidean.
#pragma once

#include "kvmem/kernels/attend.hpp"

namespace kvmem::detail {

// A call of attend() that differs from the given one in its operands and its log-sum-exp only.
class Reduction {
  public:
    // Views its arguments and allocates from `scratch`: all of them must outlive it.
    Reduction(const AttendInput& in, const Segments& segments, const AttendOptions& options, Arena& scratch);
    Reduction(const Reduction&) = delete;
    Reduction& operator=(const Reduction&) = delete;

    const AttendInput& input() const { return in_; }
    const AttendOptions& options() const { return options_; }

    // Converts the log-sum-exp of the reduced call to that of the given one in place; sign -1 converts it back.
    void shift(View log_sum_exp, Real sign) const;

    // The gradients that the reduced call must add to; expand() adds them to those of the given call.
    AttendGradients reduced(const AttendGradients& grads);
    void expand(const AttendGradients& grads);

  private:
    bool make_products();
    void center(const Segments& segments);
    Real scale_gradient() const;
    void expand_bias(const AttendGradients& grads) const;
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
