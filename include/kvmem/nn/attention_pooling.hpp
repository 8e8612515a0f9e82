// Pooling by attention: any number of slots to a fixed number of vectors, read with learned queries.
#pragma once

#include "kvmem/nn/multi_head_attention.hpp"

namespace kvmem {

// k learned queries read the slots of every segment: the pooling by multi-head attention of the Set Transformer (Lee et
// al. 2019, section 3.2, without its residual paths), the read-out of the Perceiver (Jaegle et al. 2021).
//
// Parameters: name.queries [k, query_in], which begins normal with deviation sqrt(2 / (k + query_in)) (Xavier), and
// the parameters of a MultiHeadAttention name.attention.
class AttentionPooling {
  public:
    // Throws Error when there is no query, or options do not fit as in MultiHeadAttention.
    AttentionPooling(Parameters& parameters, const std::string& name, Index queries, const MultiHeadOptions& options,
                     std::uint64_t seed);

    // slots [S, key_in]; segment i of N is rows [offsets[i], offsets[i+1]). The output is [N * k, width], the k rows of
    // a segment together: reshape() makes [N, k * width] of it. An empty segment gives the bias of the output. Values
    // [S, value_in] may differ from the keys. Throws Error when shapes do not fit.
    [[nodiscard]] MultiHeadAttention::Read operator()(Var slots, std::span<const Index> offsets,
                                                      const AttendOptions& how = {}) const {
        return (*this)(slots, slots, offsets, how);
    }
    [[nodiscard]] MultiHeadAttention::Read operator()(Var key, Var value, std::span<const Index> offsets,
                                                      const AttendOptions& how = {}) const;

    // The number k of learned queries.
    Index queries() const { return queries_->value.rows(); }

  private:
    MultiHeadAttention attention_;
    Parameter* queries_;
};

}  // namespace kvmem
