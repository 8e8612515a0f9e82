// A network of one's own in a file: trained, saved, loaded into another one, and trained on with a part of it frozen.
#include "kvmem/autograd/optimizer.hpp"
#include "kvmem/io/parameters.hpp"
#include "kvmem/nn/layers.hpp"

#include <iostream>

using namespace kvmem;

struct Network {
    std::uint64_t seed;
    Parameters parameters{};
    Embedding letters{parameters, "letters", 4, 8, 0.5, seed};
    FeedForward hidden{parameters, "hidden", 8, 16, Activation::tanh, seed};
    Linear score{parameters, "score", 8, 2, seed};

    Var operator()(Tape& tape, const Ragged<Token>& bags) const {
        return score(hidden(letters(tape, bags, BagScale::sum)));
    }
};

// Trains on pairs of letters: are both of the same case? Returns the loss before the last step.
static double train(Network& network, int steps) {
    Ragged<Token> pairs;
    std::vector<Index> same;
    for (Token a = 0; a < 4; ++a)
        for (Token b = 0; b < 4; ++b) pairs.push_row(std::vector{a, b}), same.push_back(a / 2 == b / 2);
    Optimizer optimizer(network.parameters, {});
    Tape tape;
    double loss = 0;
    for (int step = 0; step < steps; ++step) {
        tape.reset();
        const Var sum = cross_entropy(network(tape, pairs), same);
        tape.backward(sum, Real{1} / 16);
        optimizer.step(tape, 0.02);
        loss = double{sum.value()(0, 0)} / 16;
    }
    return loss;
}

int main() {
    Network network{1}, other{2};
    const double loss = train(network, 100);
    save_parameters(network.parameters, "example-network.h5");
    load_parameters(other.parameters, "example-network.h5");
    other.parameters.group("letters").set_trainable(false);
    std::cout << other.parameters.describe() << "loss " << loss << ", loaded " << train(other, 1) << "\n";
    return loss < 0.05 && train(other, 1) < loss + 1e-3 ? 0 : 1;
}
