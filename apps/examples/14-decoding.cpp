// Decoding step by step: a cache holds the keys and values of earlier steps, so a step costs one row and not all.
#include "kvmem/nn/multi_head_attention.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace kvmem;

constexpr Index sequences = 2, steps = 8, width = 16;

int main() {
    Parameters parameters;
    const MultiHeadAttention attention(parameters, "attention", {.width = width, .heads = 4}, 1);
    Matrix x(sequences * steps, width);  // the inputs of all steps, sequence after sequence
    Rng rng(1);
    for (Index s = 0; s < sequences; ++s)
        for (Index j = 0; j < width; ++j) x(s * steps, j) = static_cast<Real>(rng.normal());

    // Each step's output is the next step's input.
    KeyValueCache cache(sequences);
    const Index one_each[] = {0, 1, 2};
    Matrix now(sequences, width), last(sequences, width);
    Tape tape;
    tape.set_training(false);
    for (Index t = 0; t < steps; ++t) {
        for (Index s = 0; s < sequences; ++s) std::copy_n(x.row(s * steps + t), width, now.row(s));
        tape.reset();
        const ConstView out = attention.step(cache, tape.constant(now), one_each).out.value();
        for (Index s = 0; s < sequences; ++s)
            std::copy_n(out.row(s), width, t + 1 < steps ? x.row(s * steps + t + 1) : last.row(s));
    }

    // Causal self-attention over the whole sequences computes the same.
    const Index whole[] = {0, steps, 2 * steps};
    const ConstView all = attention.self(tape.constant(x), whole, {.causal = true}).out.value();
    double difference = 0;
    for (Index s = 0; s < sequences; ++s)
        for (Index j = 0; j < width; ++j)
            difference = std::max<double>(difference, std::abs(all((s + 1) * steps - 1, j) - last(s, j)));
    std::printf("%d steps, %d slots in each cache, largest difference from the whole: %.1e\n", int(steps),
                int(cache.lengths()[0]), difference);
    return difference < 1e-5 ? 0 : 1;
}
