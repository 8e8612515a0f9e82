// One row of the delta rule by one memory (kernels/delta_rule.hpp).
#pragma once

#include "kernels/simd/panels.hpp"

namespace kvmem::KVMEM_SIMD {
namespace {

using detail::DeltaStep;

// Columns [first, first + vectors * lanes) of the memory. Unless they are `whole`, only `last` lanes of the last vector
// exist. Columns do not depend on each other.
template <Index vectors, bool whole>
KVMEM_INLINE void delta_panel(const DeltaStep& s, Index first, Index last) {
    const auto get = [&](const Real* p, Index v) {
        const Real* at = p + first + v * lanes;
        return whole || v + 1 < vectors ? load(at) : load_part(at, last);
    };
    const auto put = [&](Real* p, Index v, Vector x) {
        Real* at = p + first + v * lanes;
        if (whole || v + 1 < vectors)
            store(at, x);
        else
            store_part(at, x, last);
    };
    Vector found[2][vectors] = {}, written[vectors], read[vectors] = {};  // two sums hide the latency of an addition
    Index i = 0;
    for (; i + 2 <= s.key_width; i += 2)
#pragma GCC unroll 2
        for (Index u = 0; u < 2; ++u)
#pragma GCC unroll 4
            for (Index v = 0; v < vectors; ++v)
                found[u][v] += s.key[i + u] * get(s.memory + (i + u) * s.value_width, v);
#pragma GCC unroll 4
    for (Index v = 0; v < vectors; ++v) {
        if (i < s.key_width) found[0][v] += s.key[i] * get(s.memory + i * s.value_width, v);
        const Vector error = get(s.value, v) - s.decay * (found[0][v] + found[1][v]);
        put(s.error, v, error);
        written[v] = s.strength * error;
    }
    for (i = 0; i < s.key_width; ++i)
#pragma GCC unroll 4
        for (Index v = 0; v < vectors; ++v) {
            Real* const row = s.memory + i * s.value_width;
            const Vector now = s.decay * get(row, v) + s.key[i] * written[v];
            put(row, v, now);
            read[v] += s.query[i] * now;
        }
#pragma GCC unroll 4
    for (Index v = 0; v < vectors; ++v) put(s.out, v, read[v]);
}

// Bound by reading the memory twice and writing it once, from the first-level cache if it fits.
inline void delta_step(const DeltaStep& s) {
    Index first = 0;
    for (; first + 4 * lanes <= s.value_width; first += 4 * lanes) delta_panel<4, true>(s, first, lanes);
    for (; first + lanes <= s.value_width; first += lanes) delta_panel<1, true>(s, first, lanes);
    if (first < s.value_width) delta_panel<1, false>(s, first, s.value_width - first);
}

}  // namespace
}  // namespace kvmem::KVMEM_SIMD
