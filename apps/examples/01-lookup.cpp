// Attention once: a query is compared with every key, the scores become weights, and the output is the weighted sum of
// the values. attend(query, key, value) is the short form, without the weights.
#include "kvmem/kernels/attend.hpp"

#include <cmath>
#include <cstdio>

int main() {
    using namespace kvmem;
    Matrix query(1, 2), key(3, 2), value(3, 1), output(1, 1), log_sum_exp(1, 1);
    query(0, 0) = 4;  // along the first axis, as key 0
    key(0, 0) = 1, key(1, 1) = 1, key(2, 0) = -1;
    value(0, 0) = 10, value(1, 0) = 20, value(2, 0) = 30;

    const auto segments = Segments::all(1, 3);  // the query sees all slots
    Real weights[3];
    Arena scratch;
    attend({query, key, value}, segments, {}, {output, log_sum_exp, weights}, scratch);

    std::printf("weights %.3f %.3f %.3f, output %.3f\n", double{weights[0]}, double{weights[1]}, double{weights[2]},
                double{output(0, 0)});
    const bool sums_to_one = std::abs(weights[0] + weights[1] + weights[2] - 1) < 1e-6f;
    return sums_to_one && weights[0] > weights[1] && weights[1] > weights[2] ? 0 : 1;
}
