// A consumer of kvmem::core and of the header for all of it: one query over two slots, checked against the formula.
#include "kvmem/kvmem.hpp"

#include <array>
#include <cmath>
#include <cstdio>

int main() {
    using namespace kvmem;
    Matrix query(1, 2), key(2, 2), value(2, 2), read(1, 2), log_sum_exp(1, 1);
    query(0, 0) = 1;
    key(0, 0) = 1;
    value(0, 0) = 10;
    value(1, 1) = 20;
    const std::array<Index, 2> queries{0, 1}, slots{0, 2};
    Arena scratch;
    attend({query, key, value}, {queries, slots}, {}, {read, log_sum_exp}, scratch);

    const double weight = std::exp(1.0) / (std::exp(1.0) + 1.0);  // scores 1 and 0
    const bool right = std::abs(read(0, 0) - 10 * weight) < 1e-4 && std::abs(read(0, 1) - 20 * (1 - weight)) < 1e-4;
    std::printf("kvmem %s: read %.4f %.4f: %s\n", KVMEM_VERSION, double{read(0, 0)}, double{read(0, 1)},
                right ? "right" : "wrong");
    return right ? 0 : 1;
}
