// Slots that read each other: find the letter that no other slot holds. No slot can tell that from itself alone.
#include "kvmem/autograd/optimizer.hpp"
#include "kvmem/kernels/top_k.hpp"
#include "kvmem/nn/slot_self_attention.hpp"

#include <cstdio>

using namespace kvmem;

constexpr Index slots = 5, count = 100, width = 16, steps = 240;

int main() {
    Parameters parameters;
    const Embedding letters(parameters, "letters", 6, width, 1, 1);
    const SlotSelfAttention block(parameters, "block", {.width = width, .heads = 2}, 1);
    const Linear score(parameters, "score", width, 1, 1);
    Optimizer optimizer(parameters, {});  // Adam
    Tape tape;

    Rng rng(1);
    std::vector<Token> letter{0, 1, 2, 3, 4, 5};
    Index found = 0;
    for (int step = 0; step <= steps; ++step) {
        // Memories of two letters twice and one once, in any order.
        Ragged<Token> memory;
        std::vector<Index> odd, offsets{0};
        for (Index i = 0; i < count; ++i) {
            rng.shuffle(std::span(letter));
            std::vector<Token> five{letter[0], letter[0], letter[1], letter[1], letter[2]};
            rng.shuffle(std::span(five));
            for (const Token& t : five) memory.push_row({&t, 1});
            odd.push_back(std::find(five.begin(), five.end(), letter[2]) - five.begin());
            offsets.push_back(memory.size());
        }
        tape.reset();
        const auto read = block(letters(tape, memory, BagScale::sum), offsets);
        const Var scores = reshape(score(read.slots), count, slots);
        const Var loss = cross_entropy(scores, odd);
        found = 0;  // scored before they are learned from
        for (std::size_t i = 0; i < odd.size(); ++i)
            found += top_k(scores.value().span().subspan(i * slots, slots), 1)[0].index == odd[i];
        if (step % 40 == 0) std::printf("step %3d: the odd one found in %3d of %d\n", step, int(found), int(count));
        if (step == steps) {
            std::printf("\nWho reads whom in the first memory (head 0, head 1):\n");
            const ConstView weights = read.attention.weights().value();  // a memory has [slots, heads, slots]
            for (Index q = 0; q < slots; ++q) {
                std::printf("  %c %s", "ABCDEF"[memory[q][0]], q == odd[0] ? "<- odd" : "      ");
                for (Index w = 0; w < 2 * slots; ++w)
                    std::printf("%s%.2f", w % slots == 0 ? "    " : " ", double{weights.data[q * 2 * slots + w]});
                std::printf("\n");
            }
        }
        tape.backward(loss, Real{1} / count);
        optimizer.step(tape, 0.005);
    }
    return found >= 95 ? 0 : 1;
}
