// A memory network of your own, trained. Every question has a memory of its own that says who likes which colour, so
// nothing can be learned by heart: what is learned is to look up. include/kvmem/README.md walks through it.
#include "kvmem/autograd/optimizer.hpp"
#include "kvmem/kernels/top_k.hpp"
#include "kvmem/nn/key_value_memory.hpp"
#include "kvmem/nn/layers.hpp"

#include <cstdio>

using namespace kvmem;
const char* const name_of[] = {"Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana"};
const char* const colour_of[] = {"red", "blue", "green", "white", "black", "pink"};
constexpr Index slots = 5, count = 100, steps = 60;

// Question i is the name asked[i]; its memory is slots [offsets[i], offsets[i + 1]) of keys and values.
struct Questions {
    Ragged<Token> asked, key, value;
    std::vector<Index> offsets{0}, answer;
};

struct Network {
    Parameters parameters;
    Embedding names{parameters, "names", 8, 16, 0.1, 1}, colours{parameters, "colours", 6, 16, 0.1, 1};
    KeyValueMemory memory{parameters, "memory", 16, {.hops = 1}};

    Var operator()(Tape& tape, const Questions& q) const {  // scores of the colours: [questions, 6]
        const Var query = names(tape, q.asked, BagScale::sum), key = names(tape, q.key, BagScale::sum);
        const Var value = colours(tape, q.value, BagScale::sum);
        const auto segments = Segments::one_query_each(q.offsets);
        return dot_scores(memory.read(query, key, value, segments).state, tape.parameter(colours.table()));
    }
};

// The first five of the shuffled names, each with any colour, and one of them is the question.
static Questions draw(Rng& rng) {
    Questions q;
    std::vector<Token> all{0, 1, 2, 3, 4, 5, 6, 7};
    for (Index i = 0; i < count; ++i) {
        rng.shuffle(std::span(all));
        for (std::size_t s = 0; s < slots; ++s) {
            q.key.push_row(std::span(all).subspan(s, 1));
            q.value.push_row(std::vector{static_cast<Token>(rng.below(6))});
        }
        const Index target = i * slots + rng.below(slots);
        q.asked.push_row(q.key[target]), q.answer.push_back(q.value[target][0]);
        q.offsets.push_back(q.key.size());
    }
    return q;
}

int main() {
    Network network;
    Optimizer optimizer(network.parameters, {});  // Adam
    Tape tape;
    Rng rng(1);
    Index right = 0;
    for (int step = 0; step <= steps; ++step) {
        const Questions questions = draw(rng);  // new ones, so they are scored before they are learned from
        tape.reset();
        const Var scores = network(tape, questions);
        tape.backward(cross_entropy(scores, questions.answer), Real{1} / count);
        optimizer.step(tape, 0.02);

        const auto best = [&](Index i) { return top_k({scores.value().row(i), 6}, 1)[0].index; };
        right = 0;
        for (Index i = 0; i < count; ++i) right += best(i) == questions.answer[static_cast<std::size_t>(i)];
        if (step % 10 == 0) std::printf("step %2d: %3d of %d right\n", step, int(right), int(count));
        if (step < steps) continue;
        std::printf("\nthe memory of one question:");
        for (Index s = 0; s < slots; ++s)
            std::printf(" %s %s.", name_of[questions.key[s][0]], colour_of[questions.value[s][0]]);
        std::printf("\nwhat does %s like? %s\n", name_of[questions.asked[0][0]], colour_of[best(0)]);
    }
    return right >= 98 ? 0 : 1;
}
