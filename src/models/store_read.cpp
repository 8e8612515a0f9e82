#include "kvmem/models/store_read.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>

namespace kvmem {

namespace {
struct StoreRead {
    Var query;
    Index top_k;
    Real scale;
    std::span<const Index> count;    // of the slots that each query read
    std::span<const float> weights;  // [B, top_k]
    View keys, values;               // of these slots, one query's after the other
};
}  // namespace

// With w the weights, r = sum w v and g the gradient of r: d / d q = scale * sum over slots of w (g . (v - r)) k.
static void go_back(Tape&, Var out, const void* payload) {
    const auto& p = *static_cast<const StoreRead*>(payload);
    Index slot = 0;
    for (Index b = 0; b < out.rows(); ++b) {
        const Real *grad = out.grad().row(b), *read = out.value().row(b);
        Real* to = p.query.grad().row(b);
        for (Index i = 0; i < p.count[static_cast<std::size_t>(b)]; ++i, ++slot) {
            Real slope = 0;
            for (Index e = 0; e < p.values.cols; ++e) slope += grad[e] * (p.values(slot, e) - read[e]);
            slope *= p.scale * static_cast<Real>(p.weights[static_cast<std::size_t>(b * p.top_k + i)]);
            for (Index d = 0; d < p.keys.cols; ++d) to[d] += slope * p.keys(slot, d);
        }
    }
}

Var read_store(Var query, const store::MemoryStore& memory, Index top_k, Real scale,
               const store::SearchOptions& search) {
    require_shape(memory.options().metric == Similarity::dot, "read_store", "a store whose metric is dot");
    require_shape(top_k >= 1, "read_store", "top_k of 1 or more");
    require_shape(scale > 0, "read_store", "a scale above 0");
    store::ReadOptions options;
    options.top_k = std::min(top_k, std::max<Index>(1, memory.size()));
    options.temperature = 1 / scale;
    options.search = search;
    const store::Read read = memory.read(query.value(), options);
    Arena& arena = query.tape->arena();
    std::vector<store::Id> ids;
    StoreRead kept{query, read.hits.k, scale, {}, {}, {}, {}};
    if (query.needs_grad()) {
        for (Index b = 0; b < query.rows(); ++b) {
            const auto row = read.hits.ids_of(b);
            ids.insert(ids.end(), row.begin(), row.end());
        }
        const store::Slots slots = memory.get(ids);
        kept.count = arena.copy(std::span<const Index>(read.hits.count));
        kept.weights = arena.copy(std::span<const float>(read.weights));
        kept.keys = arena.matrix(slots.keys.rows(), slots.keys.cols());
        kept.values = arena.matrix(slots.values.rows(), slots.values.cols());
        std::copy_n(slots.keys.data(), kept.keys.size(), kept.keys.data);
        std::copy_n(slots.values.data(), kept.values.size(), kept.values.data);
    }
    const Var out = query.tape->record(query.rows(), read.values.cols(), query.needs_grad(), go_back, kept);
    std::copy_n(read.values.data(), out.value().size(), out.value().data);
    return out;
}

}  // namespace kvmem
