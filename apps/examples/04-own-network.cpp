// A memory network of your own, trained. Every question has a memory of its own that says who likes which colour, so
// nothing can be learned by heart: what is learned is to look up.
#include "kvmem/autograd/optimizer.hpp"
#include "kvmem/kernels/top_k.hpp"
#include "kvmem/nn/key_value_memory.hpp"
#include "kvmem/nn/layers.hpp"

#include <cstdio>

using namespace kvmem;
const char* const name_of[] = {"Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana"};
const char* const colour_of[] = {"red", "blue", "green", "white", "black", "pink"};
constexpr Index slots = 5, count = 100, steps = 60;

int main() {
    Parameters parameters;
    const Embedding names(parameters, "names", 8, 16, 0.1, 1), colours(parameters, "colours", 6, 16, 0.1, 1);
    const KeyValueMemory memory(parameters, "memory", 16, {.hops = 1});
    Optimizer optimizer(parameters, {});  // Adam
    Tape tape;
    Rng rng(1);
    std::vector<Token> all{0, 1, 2, 3, 4, 5, 6, 7};
    Index right = 0;
    for (int step = 0; step <= steps; ++step) {
        // New questions: the first five names of a shuffled list, each with any colour, and one of them is asked for.
        Ragged<Token> asked, key, value;
        std::vector<Index> answer, queries{0}, offsets{0};
        for (Index i = 0; i < count; ++i) {
            rng.shuffle(std::span(all));
            for (std::size_t s = 0; s < slots; ++s) {
                key.push_row(std::span(all).subspan(s, 1));
                value.push_row(std::vector{static_cast<Token>(rng.below(6))});
            }
            const Index target = i * slots + rng.below(slots);
            asked.push_row(key[target]), answer.push_back(value[target][0]);
            queries.push_back(asked.size()), offsets.push_back(key.size());
        }
        tape.reset();
        const auto vectors = [&](const Embedding& e, const Ragged<Token>& bags) {
            return e(tape, bags, BagScale::sum);
        };
        const auto read =
            memory.read(vectors(names, asked), vectors(names, key), vectors(colours, value), {queries, offsets});
        const Var scores = dot_scores(read.state, tape.parameter(colours.table()));  // of each colour
        right = 0;  // scored before they are learned from
        for (std::size_t i = 0; i < answer.size(); ++i)
            right += top_k(scores.value().span().subspan(i * 6, 6), 1)[0].index == answer[i];
        if (step % 10 == 0) std::printf("step %2d: %3d of %d right\n", step, int(right), int(count));
        tape.backward(cross_entropy(scores, answer), Real{1} / count);
        optimizer.step(tape, 0.02);
        if (step < steps) continue;
        std::printf("\nthe memory of one question:");
        for (Index s = 0; s < slots; ++s) std::printf(" %s %s.", name_of[key[s][0]], colour_of[value[s][0]]);
        std::printf("\nwhat does %s like? %s\n", name_of[asked[0][0]],
                    colour_of[top_k({scores.value().row(0), 6}, 1)[0].index]);
    }
    return right >= 98 ? 0 : 1;
}
