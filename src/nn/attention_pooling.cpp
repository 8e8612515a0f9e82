#include "kvmem/nn/attention_pooling.hpp"

#include "kvmem/core/error.hpp"

#include <cmath>

namespace kvmem {

// Called before any parameter is made, so that an Error leaves none behind.
static const MultiHeadOptions& checked(Index queries, const MultiHeadOptions& options) {
    require_shape(queries >= 1, "AttentionPooling", "at least one query");
    return options;
}

AttentionPooling::AttentionPooling(Parameters& parameters, const std::string& name, Index queries,
                                   const MultiHeadOptions& options, std::uint64_t seed)
    : attention_(parameters, name + ".attention", checked(queries, options), seed) {
    const Index width = attention_.options().query_in;
    queries_ = &parameters.add_normal(name + ".queries", queries, width,
                                      std::sqrt(2 / (static_cast<double>(queries) + static_cast<double>(width))), seed);
}

MultiHeadAttention::Read AttentionPooling::operator()(Var key, Var value, std::span<const Index> offsets,
                                                      const AttendOptions& how) const {
    require_shape(!offsets.empty(), "AttentionPooling", "offsets that begin with 0");
    const Index segments = std::ssize(offsets) - 1;
    // Every segment has a copy of all queries.
    std::vector<Index> rows, query_offsets{0};
    for (Index i = 0; i < segments; ++i) {
        for (Index q = 0; q < queries(); ++q) rows.push_back(q);
        query_offsets.push_back(std::ssize(rows));
    }
    const Var query = take_rows(key.tape->parameter(*queries_), rows);
    return attention_.read(query, key, value, {query_offsets, offsets}, how);
}

}  // namespace kvmem
