#include "kvmem/tasks/qa/store_read.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>

namespace kvmem {

namespace {
struct StoreRead {
    Var query;
    Index top_k;
    Real scale;
    std::span<const Index> count;    // slots that each query read
    std::span<const float> weights;  // [B, top_k]
    View keys, values;               // the slots themselves: [B * top_k, D] and [B * top_k, E]

    // With w the weights, r = sum w v and g the gradient of r: d / d q = scale * sum over slots of w (g . (v - r)) k.
    void backward(Tape&, Var out) const {
        for (Index b = 0; b < out.rows(); ++b) {
            const Real *grad = out.grad().row(b), *read = out.value().row(b);
            Real* to = query.grad().row(b);
            for (Index i = 0; i < count[b]; ++i) {
                const Index slot = b * top_k + i;
                Real slope = 0;
                for (Index e = 0; e < values.cols; ++e) slope += grad[e] * (values(slot, e) - read[e]);
                slope *= scale * static_cast<Real>(weights[slot]);
                for (Index d = 0; d < keys.cols; ++d) to[d] += slope * keys(slot, d);
            }
        }
    }
};
}  // namespace

Var read_store(Var query, const store::MemoryStore& memory, Index top_k, Real scale,
               const store::SearchOptions& search) {
    Tape& tape = Tape::of("read_store", {query});
    require_shape(memory.options().metric == Similarity::dot, "read_store", "a store whose metric is dot");
    require_shape(top_k >= 1, "read_store", "top_k of 1 or more");
    require_shape(scale > 0, "read_store", "a scale above 0");
    store::ReadOptions options;
    options.top_k = top_k;
    options.temperature = 1 / scale;
    options.search = search;
    options.copy_slots = query.needs_grad();  // from the snapshot that is read, since get() may see a later one
    const store::ReadResult read = memory.read(query.value(), options);
    Arena& arena = tape.arena();
    StoreRead saved{query, read.hits.k, scale, {}, {}, {}, {}};
    if (query.needs_grad()) {
        saved.count = arena.copy(std::span<const Index>(read.hits.count));
        saved.weights = arena.copy(std::span<const float>(read.weights));
        saved.keys = arena.matrix(read.slot_keys.rows(), read.slot_keys.cols());
        saved.values = arena.matrix(read.slot_values.rows(), read.slot_values.cols());
        std::copy_n(read.slot_keys.data(), saved.keys.size(), saved.keys.data);
        std::copy_n(read.slot_values.data(), saved.values.size(), saved.values.data);
    }
    const Var out = tape.record(query.rows(), read.values.cols(), query.needs_grad(), saved);
    std::copy_n(read.values.data(), out.value().size(), out.mutable_value().data);
    return out;
}

}  // namespace kvmem
