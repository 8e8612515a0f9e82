// Cosine and Euclidean similarity as dot products: of rows of unit length, and with -|k|^2 as a bias. Not installed.
#pragma once

#include "kvmem/kernels/attend.hpp"

namespace kvmem::detail {

// A lookup that differs from the given one in its operands and its log-sum-exp only.
class Reduction {
  public:
    // Takes what it makes from `scratch`, and views what it was given.
    Reduction(const AttendInput& in, const AttendOptions& options, Arena& scratch);
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
    const AttendInput& given_;
    const AttendOptions& given_options_;
    AttendInput in_;
    AttendOptions options_;
    Arena& scratch_;
    std::span<Real> query_length_, key_length_;
    AttendGradients inner_;
};

}  // namespace kvmem::detail
