// An encoder-decoder of your own: a GRU encodes words into a key-value memory, a GRU cell reads it by attention and
// learns to write them backwards.
#include "kvmem/autograd/optimizer.hpp"
#include "kvmem/nn/recurrent.hpp"

#include <algorithm>
#include <cstdio>
#include <string>

using namespace kvmem;

constexpr Index letters = 6, length = 4, width = 32, count = 64;
constexpr Token first = letters;  // what the decoder is given before its first letter

struct Network {
    Parameters parameters;
    Embedding table{parameters, "letters", letters + 1, width, 0.3, 1};
    Recurrent encoder{parameters, "encoder", {.cell = Cell::gru, .in = width, .width = width}, 1};
    Recurrent decoder{parameters, "decoder", {.cell = Cell::gru, .in = 2 * width, .width = width}, 1};
    Linear query{parameters, "query", width, width, 1}, out{parameters, "out", 2 * width, letters, 1};

    Var embed(Tape& tape, const std::vector<Token>& tokens) const {
        Ragged<Token> bags;
        for (const Token token : tokens) bags.push_row({&token, 1});
        return table(tape, bags, BagScale::sum);
    }

    // The scores of the letters at each place of each target: a matrix [words, letters] for each place. The decoder is
    // given the letter before from `targets`, or what it scored best.
    std::vector<Var> operator()(Tape& tape, const std::vector<Token>& words, const std::vector<Token>* targets) const {
        const Index n = std::ssize(words) / length;
        std::vector<Index> offsets;
        for (Index i = 0; i <= n; ++i) offsets.push_back(i * length);
        const Recurrent::Run memory = encoder(embed(tape, words), offsets);
        const OwnedSegments each = Segments::one_query_each(offsets);
        Recurrent::State state = memory.last;
        state.packed.clear();  // those are the encoder's weights
        std::vector<Token> last(static_cast<std::size_t>(n), first);
        std::vector<Var> all;
        for (Index t = 0; t < length; ++t) {
            const Var read = attend(query(state.h[0]), memory.out, memory.out, each).read;
            const Recurrent::Run step = decoder.step(concat_cols({embed(tape, last), read}), state);
            state = step.last;
            all.push_back(out(concat_cols({step.out, read})));
            for (std::size_t i = 0; i < last.size(); ++i) {
                const auto scores = all.back().value().middle_rows(static_cast<Index>(i), 1).span();
                last[i] = targets ? (*targets)[i * length + static_cast<std::size_t>(t)]
                                  : static_cast<Token>(std::ranges::max_element(scores) - scores.begin());
            }
        }
        return all;
    }
};

static std::vector<Token> some_words(Rng& rng) {
    std::vector<Token> words(count * length);
    for (Token& letter : words) letter = static_cast<Token>(rng.below(letters));
    return words;
}
static std::vector<Token> backwards(std::vector<Token> words) {
    for (auto at = words.begin(); at != words.end(); at += length) std::reverse(at, at + length);
    return words;
}

int main() {
    Network network;
    Optimizer optimizer(network.parameters, {.clip_norm = 1});
    Tape tape;
    Rng rng(3);
    for (int step = 0; step < 300; ++step) {
        tape.reset();
        const std::vector<Token> words = some_words(rng), targets = backwards(words);
        const std::vector<Var> places = network(tape, words, &targets);
        std::vector<Index> wanted;
        for (Index t = 0; t < length; ++t)
            for (Index i = 0; i < count; ++i) wanted.push_back(targets[static_cast<std::size_t>(i * length + t)]);
        tape.backward(cross_entropy(concat_rows(places), wanted), Real{1} / count);
        optimizer.step(tape, 0.01);
    }

    tape.reset();
    tape.set_training(false);
    const std::vector<Token> words = some_words(rng), targets = backwards(words);
    const std::vector<Var> places = network(tape, words, nullptr);
    Index right = 0;
    for (Index i = 0; i < count; ++i) {
        std::string source, written;
        for (Index t = 0; t < length; ++t) {
            const auto scores = places[static_cast<std::size_t>(t)].value().middle_rows(i, 1).span();
            source += static_cast<char>('a' + words[static_cast<std::size_t>(i * length + t)]);
            written += static_cast<char>('a' + (std::ranges::max_element(scores) - scores.begin()));
        }
        if (i < 3) std::printf("%s -> %s\n", source.c_str(), written.c_str());
        std::ranges::reverse(source);
        right += source == written;
    }
    std::printf("%ld of %ld words are right\n", static_cast<long>(right), static_cast<long>(count));
    return right > count * 9 / 10 ? 0 : 1;
}
