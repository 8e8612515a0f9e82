#include "kvmem/kernels/delta_rule.hpp"

#include <vector>

namespace kvmem {

// One head of one sequence. `memory` [D, E] in double.
static void run_head(const DeltaRuleCall& call, Index h, Index first, Index end, Index d, Index e, double* memory,
                     View out) {
    for (Index t = first; t < end; ++t) {
        const Real *q = call.query.row(t) + h * d, *k = call.key.row(t) + h * d, *v = call.value.row(t) + h * e;
        const double a = double{call.decay(t, h)}, b = double{call.strength(t, h)};
        for (Index j = 0; j < e; ++j) {
            double found = 0, read = 0;
            for (Index i = 0; i < d; ++i) found += a * memory[i * e + j] * double{k[i]};
            const double error = double{v[j]} - found;
            for (Index i = 0; i < d; ++i) {
                memory[i * e + j] = a * memory[i * e + j] + b * error * double{k[i]};
                read += memory[i * e + j] * double{q[i]};
            }
            out(t, h * e + j) = static_cast<Real>(read);
        }
    }
}

void naive::delta_rule(const DeltaRuleCall& call, View out, View last) {
    const DeltaRuleShape s = delta_rule_shape(call);
    const Index size = s.key_width * s.value_width;
    std::vector<double> memory(static_cast<std::size_t>(size));
    for (Index i = 0; i < s.sequences; ++i)
        for (Index h = 0; h < s.heads; ++h) {
            for (Index k = 0; k < size; ++k) memory[k] = call.memory.data ? double{call.memory(i, h * size + k)} : 0;
            run_head(call, h, call.offsets[i], call.offsets[i + 1], s.key_width, s.value_width, memory.data(), out);
            for (Index k = 0; k < size; ++k) last(i, h * size + k) = static_cast<Real>(memory[k]);
        }
}

}  // namespace kvmem
