#include "kvmem/nn/multi_head_attention.hpp"

#include "kvmem/core/error.hpp"

#include <cmath>

namespace kvmem {

static constexpr const char* in_multi_head_attention = "MultiHeadAttention";

// The options with every 0 replaced by its default.
static MultiHeadOptions filled_in(MultiHeadOptions o) {
    const auto fill = [](Index& x, Index value) {
        if (x == 0) x = value;
    };
    require_shape(o.width >= 1 && o.heads >= 1, in_multi_head_attention, "a positive width and number of heads");
    require_shape((o.head_key != 0 && o.head_value != 0) || o.width % o.heads == 0, in_multi_head_attention,
                  "heads that divide the width");
    fill(o.key_heads, o.heads);
    for (Index* in : {&o.query_in, &o.key_in, &o.value_in}) fill(*in, o.width);
    for (Index* head : {&o.head_key, &o.head_value}) fill(*head, o.width / o.heads);
    constexpr Index max_width = Index{1} << 31;  // products of two do not overflow
    for (const Index x : {o.width, o.heads, o.query_in, o.key_in, o.value_in, o.head_key, o.head_value})
        require_shape(x >= 1 && x <= max_width, in_multi_head_attention,
                      "widths that are not negative and at most 2^31");
    require_shape(o.key_heads >= 1 && o.heads % o.key_heads == 0, in_multi_head_attention,
                  "key heads that divide the heads");
    require_shape(!o.rotary || o.head_key % 2 == 0, in_multi_head_attention,
                  "an even width of a head's key for rotary positions");
    return o;
}

MultiHeadAttention::MultiHeadAttention(Parameters& parameters, const std::string& name, const MultiHeadOptions& options,
                                       std::uint64_t seed)
    : options_(filled_in(options)),
      query_(parameters, name + ".query", options_.query_in, options_.heads * options_.head_key, seed,
             {.init = Init::xavier, .bias = options_.bias}),
      key_(parameters, name + ".key", options_.key_in, options_.key_heads * options_.head_key, seed,
           {.init = Init::xavier, .bias = options_.bias}),
      value_(parameters, name + ".value", options_.value_in, options_.key_heads * options_.head_value, seed,
             {.init = Init::xavier, .bias = options_.bias}),
      out_(parameters, name + ".out", options_.heads * options_.head_value, options_.width, seed,
           {.init = Init::xavier, .bias = options_.bias}) {}

// Rows [offsets[i], offsets[i+1]) of x, of `heads` heads, turn by their positions: the last is that of the last slot of
// segment i.
static Var turned(Var x, Index heads, std::span<const Index> offsets, std::span<const Index> slot_offsets) {
    require_shape(offsets.size() == slot_offsets.size(), in_multi_head_attention,
                  "as many segments of queries as of slots");
    std::vector<Index> positions;
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
        const Index slots = slot_offsets[i + 1] - slot_offsets[i], count = offsets[i + 1] - offsets[i];
        for (Index at = slots - count; at < slots; ++at) positions.push_back(at);
    }
    return rotate(x, positions, heads);
}

MultiHeadAttention::Read MultiHeadAttention::attend_projected(Var query, Var key, Var value, const Segments& segments,
                                                              AttendOptions how, const LookupBias& bias) const {
    how.heads = options_.heads;
    how.key_heads = options_.key_heads;
    how.scale = static_cast<Real>(1 / std::sqrt(static_cast<double>(options_.head_key)));
    Arena& arena = query.tape->arena();
    how.slopes = arena.copy(how.slopes);
    // Read::weights() needs segments and slopes after this call.
    const Segments copied{arena.copy(segments.query_offsets), arena.copy(segments.slot_offsets)};
    const Lookup lookup = attend(query, key, value, copied, how, bias);
    return {out_(lookup.read), query, key, lookup.log_sum_exp, copied, how, bias};
}

MultiHeadAttention::Read MultiHeadAttention::read(Var query, Var key, Var value, const Segments& segments,
                                                  const AttendOptions& how, const LookupBias& bias) const {
    require_shape(query.cols() == options_.query_in, in_multi_head_attention, "a query [B, query_in]");
    require_shape(key.cols() == options_.key_in && value.cols() == options_.value_in, in_multi_head_attention,
                  "a key [S, key_in] and a value [S, value_in]");
    Var q = query_(query), k = key_(key);
    if (options_.rotary) {
        q = turned(q, options_.heads, segments.query_offsets, segments.slot_offsets);
        k = turned(k, options_.key_heads, segments.slot_offsets, segments.slot_offsets);
    }
    return attend_projected(q, k, value_(value), segments, how, bias);
}

static void require_inference(const Tape& tape) {
    if (tape.training())
        throw Error({.what = "a key-value cache is not differentiated",
                     .expected = "a tape that is not training",
                     .got = {},
                     .where = in_multi_head_attention,
                     .hint = "call set_training(false)"});
}

void MultiHeadAttention::append(KeyValueCache& cache, Var key, Var value, std::span<const Index> offsets) const {
    require_inference(*key.tape);
    require_shape(key.cols() == options_.key_in && value.cols() == options_.value_in, in_multi_head_attention,
                  "a key [S, key_in] and a value [S, value_in]");
    Var k = key_(key);
    if (options_.rotary) {
        std::vector<Index> slots(offsets.begin(), offsets.end());  // of the sequences with what they have
        Index before = 0;
        for (std::size_t i = 1; const Index length : cache.lengths())
            if (i < slots.size()) slots[i++] += before += length;
        k = turned(k, options_.key_heads, offsets, slots);
    }
    cache.append(k.value(), value_(value).value(), offsets);
}

MultiHeadAttention::Read MultiHeadAttention::read(const KeyValueCache& cache, Var query, std::span<const Index> offsets,
                                                  const AttendOptions& how, const LookupBias& bias) const {
    Tape& tape = *query.tape;
    require_inference(tape);
    require_shape(query.cols() == options_.query_in, in_multi_head_attention, "a query [B, query_in]");
    require_shape(std::ssize(offsets) == cache.sequences() + 1 && offsets.front() == 0, in_multi_head_attention,
                  "offsets from 0 of as many sequences as the cache has");
    std::vector<Index> queries{0};  // the room after each sequence has no queries
    for (std::size_t i = 1; i < offsets.size(); ++i) queries.insert(queries.end(), 2, offsets[i]);
    Var q = query_(query);
    if (options_.rotary) q = turned(q, options_.heads, queries, cache.slot_offsets());
    return attend_projected(q, tape.constant(cache.key()), tape.constant(cache.value()),
                            {queries, cache.slot_offsets()}, how, bias);
}

MultiHeadAttention::Read MultiHeadAttention::step(KeyValueCache& cache, Var x, std::span<const Index> offsets,
                                                  const AttendOptions& how, const LookupBias& bias) const {
    const std::vector<Index> before = cache.lengths();
    append(cache, x, x, offsets);
    try {
        AttendOptions causal = how;
        causal.causal = true;
        return read(cache, x, offsets, causal, bias);
    } catch (...) {
        cache.truncate(before);
        throw;
    }
}

}  // namespace kvmem
