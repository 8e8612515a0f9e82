// Multi-head attention: one head looks at the colour, the other at the shape, and each keeps weights of its own.
#include "kvmem/nn/multi_head_attention.hpp"

#include <cstdio>
#include <string>

using namespace kvmem;

int main() {
    const char* things[] = {"red ball", "red box", "blue ball", "blue box"};
    const Real columns[4][4] = {// red, blue | ball, box
                                {1, 0, 1, 0},
                                {1, 0, 0, 1},
                                {0, 1, 1, 0},
                                {0, 1, 0, 1}};
    Matrix memory(4, 4), query(1, 4);
    for (Index i = 0; i < 4; ++i)
        for (Index j = 0; j < 4; ++j) memory(i, j) = columns[i][j];
    query(0, 0) = query(0, 3) = 1;  // red, box

    // Two heads of two columns each. A trained layer finds its maps; here they are set: head 0 compares columns 0
    // and 1.
    Parameters parameters;
    const MultiHeadAttention attention(parameters, "attention", {.width = 4, .heads = 2}, 1);
    for (const char* name : {"query", "key", "value", "out"}) {
        Matrix& map = parameters.find("attention." + std::string(name) + ".weight")->value;
        map.fill(0);
        for (Index i = 0; i < 4; ++i) map(i, i) = std::string(name) == "query" ? 4 : 1;
    }

    Tape tape;
    tape.set_training(false);
    const Index queries[] = {0, 1}, slots[] = {0, 4};
    const auto read = attention.read(tape.constant(query), tape.constant(memory), {queries, slots});
    const ConstView weights = read.weights().value();  // [heads, slots] of the one query

    std::printf("Who reads what for \"red box\":\n\n%12s  %-26s%s\n", "", "head 0: colour", "head 1: shape");
    for (Index s = 0; s < 4; ++s) {
        std::printf("%12s", things[s]);
        for (const double w : {double{weights.data[s]}, double{weights.data[4 + s]}})
            std::printf("  %.3f %-18s", w, std::string(static_cast<std::size_t>(36 * w + 0.5), '#').c_str());
        std::printf("\n");
    }
    const ConstView out = read.out.value();
    std::printf("\nread: %.2f red, %.2f blue; %.2f ball, %.2f box\n", double{out(0, 0)}, double{out(0, 1)},
                double{out(0, 2)}, double{out(0, 3)});

    const bool colour = weights.data[0] > 0.4f && weights.data[1] > 0.4f;  // both red things
    const bool shape = weights.data[5] > 0.4f && weights.data[7] > 0.4f;   // both boxes
    return colour && shape && out(0, 0) > 0.9f && out(0, 3) > 0.9f ? 0 : 1;
}
