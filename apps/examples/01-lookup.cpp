// One lookup: a query is compared with every key, the scores become weights, the weighted values are the read.
#include "kvmem/kernels/attend.hpp"

#include <cmath>
#include <cstdio>

int main() {
    using namespace kvmem;
    Matrix query(1, 2), key(3, 2), value(3, 1), read(1, 1), log_sum_exp(1, 1);
    query(0, 0) = 4;  // looks along the first axis, as key 0 does
    key(0, 0) = 1, key(1, 1) = 1, key(2, 0) = -1;
    value(0, 0) = 10, value(1, 0) = 20, value(2, 0) = 30;

    const Index queries[] = {0, 1}, slots[] = {0, 3};  // one segment: the query reads all slots
    const Segments segments{queries, slots};
    Real weights[3];
    Arena scratch;
    attend({query, key, value}, segments, {}, {read, log_sum_exp, weights}, scratch);

    std::printf("weights %.3f %.3f %.3f, read %.3f\n", double{weights[0]}, double{weights[1]}, double{weights[2]},
                double{read(0, 0)});
    const bool sums_to_one = std::abs(weights[0] + weights[1] + weights[2] - 1) < 1e-6f;
    return sums_to_one && weights[0] > weights[1] && weights[1] > weights[2] ? 0 : 1;
}
