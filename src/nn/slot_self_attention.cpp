#include "kvmem/nn/slot_self_attention.hpp"

#include "kvmem/core/error.hpp"

namespace kvmem {

// Called before any parameter is made, so that an Error leaves none behind.
static const SlotSelfAttentionOptions& checked(const SlotSelfAttentionOptions& o) {
    require_shape(o.width >= 1 && o.inner >= 0, "SlotSelfAttention", "positive widths");
    require_shape(o.dropout >= 0 && o.dropout < 1, "SlotSelfAttention", "a dropout from 0 to below 1");
    return o;
}

SlotSelfAttention::SlotSelfAttention(Parameters& parameters, const std::string& name,
                                     const SlotSelfAttentionOptions& options, std::uint64_t seed)
    : attention_(parameters, name + ".attention",
                 {.width = checked(options).width, .heads = options.heads, .key_heads = options.key_heads}, seed),
      feed_forward_(parameters, name + ".feed_forward", options.width,
                    options.inner == 0 ? 4 * options.width : options.inner, options.activation, seed),
      norm1_(parameters, name + ".norm1", options.width),
      norm2_(parameters, name + ".norm2", options.width),
      dropout_(options.dropout) {}

SlotSelfAttention::Result SlotSelfAttention::operator()(Var slots, std::span<const Index> offsets,
                                                        const AttendOptions& how) const {
    require_shape(slots.cols() == attention_.options().width, "SlotSelfAttention", "slots [S, width]");
    const MultiHeadAttention::Read read = attention_.self(norm1_(slots), offsets, how);
    const Var y = slots + dropout(read.out, dropout_);
    return {y + dropout(feed_forward_(norm2_(y)), dropout_), read};
}

}  // namespace kvmem
