#include "kvmem/nn/product_key_memory.hpp"

#include "kvmem/core/error.hpp"

#include <cmath>

namespace kvmem {

static constexpr const char* in_product_key_memory = "ProductKeyMemory";

static ProductKeyOptions filled_in(ProductKeyOptions o) {
    constexpr Index max_keys = 46340, max_width = Index{1} << 24;  // slots are Tokens, and products do not overflow
    if (o.key_width == 0) o.key_width = 2 * ((o.width + 3) / 4);
    require_shape(o.width >= 1 && o.width <= max_width && o.heads >= 1 && o.heads <= max_width, in_product_key_memory,
                  "a positive width and number of heads");
    require_shape(o.key_width >= 2 && o.key_width <= max_width && o.key_width % 2 == 0, in_product_key_memory,
                  "an even width of keys");
    require_shape(o.keys >= 1 && o.keys <= max_keys, in_product_key_memory, "1 to 46,340 keys of a codebook");
    require_shape(o.top_k >= 1 && o.top_k <= o.keys * o.keys, in_product_key_memory,
                  "a top k from 1 to the number of values");
    return o;
}

static double inverse_root(Index n) { return 1 / std::sqrt(static_cast<double>(n)); }

ProductKeyMemory::ProductKeyMemory(Parameters& parameters, const std::string& name, const ProductKeyOptions& options,
                                   std::uint64_t seed)
    : options_(filled_in(options)),
      query_(parameters, name + ".query", options_.width, options_.heads * options_.key_width, seed),
      norm_(parameters, name + ".norm", options_.key_width),
      keys_(&parameters.add_normal(name + ".keys", options_.heads * 2 * options_.keys, options_.key_width / 2,
                                   inverse_root(options_.key_width / 2), seed)),
      values_(&parameters.add_normal(name + ".values", options_.keys * options_.keys, options_.width,
                                     inverse_root(options_.width), seed)) {}

// The rows of the codebooks for the slots of each head and half: [B * H * 2] bags of k.
static Ragged<Token> codebook_rows(std::span<const Token> slots, const ProductKeyOptions& o) {
    Ragged<Token> rows;
    for (Index q = 0; q < std::ssize(slots) / o.top_k; ++q)
        for (Index side = 0; side < 2; ++side) {
            const Index first = (2 * (q % o.heads) + side) * o.keys;
            for (const Token slot : slots.subspan(q * o.top_k, o.top_k))
                rows.values.push_back(static_cast<Token>(first + (side == 0 ? slot / o.keys : slot % o.keys)));
            rows.end_row();
        }
    return rows;
}

ProductKeyMemory::Read ProductKeyMemory::read(Var x) const {
    const auto& [width, n, heads, key_width, k] = options_;
    Tape& tape = Tape::of(in_product_key_memory, {x});
    require_shape(x.cols() == width, in_product_key_memory, "x [B, width]");
    const Index queries = x.rows() * heads;
    const Var query = norm_(reshape(query_(x), queries, key_width));
    const auto slots = tape.arena().take<Token>(queries * k);
    select_product_keys(query.value(), {keys_->value, heads}, k, slots, tape.arena());
    // The scores of what was selected are computed once more, to be differentiated.
    const Var halves = dot_rows(reshape(query, 2 * queries, key_width / 2), *keys_, codebook_rows(slots, options_));
    const Var both = reshape(halves, queries, 2 * k);
    const Var weights = softmax(slice_cols(both, 0, k) + slice_cols(both, k, k));
    std::vector<Index> offsets;
    for (Index i = 0; i <= x.rows(); ++i) offsets.push_back(i * heads * k);
    const Var out = embed_weighted(*values_, {slots, offsets}, reshape(weights, queries * k, 1));
    return {out, slots, weights};
}

}  // namespace kvmem
