// Beam search over a scorer of your own: bigrams of letters. Greedy search falls for the likelier first letter.
#include "kvmem/tasks/sequences/generate.hpp"
#include "kvmem/text/units.hpp"

#include <cmath>
#include <cstdio>
#include <string>

using namespace kvmem;

// p(next | last) of a few letters. Token 0 is <unknown>, 1 <begin>, 2 <end>; 3 to 5 are the letters.
constexpr Index vocabulary = 6;
constexpr double probability[vocabulary][vocabulary] = {
    {0, 0, 1, 0, 0, 0},          //
    {0, 0, 0, 0.55, 0.45, 0},    // <begin>: a is likelier than b,
    {0, 0, 1, 0, 0, 0},          //
    {0, 0, 0.4, 0.2, 0.2, 0.2},  // but what follows a is anybody's guess,
    {0, 0, 0.05, 0, 0.05, 0.9},  // while b is followed by c,
    {0, 0, 1, 0, 0, 0},          // which is the last
};

class Bigrams : public SequenceModel {
    struct Rows : Decoding {
        Index vocabulary() const override { return ::vocabulary; }
        void step(std::span<const Token> tokens, View log_probabilities) override {
            for (Index i = 0; i < log_probabilities.rows; ++i)
                for (Index next = 0; next < ::vocabulary; ++next)
                    log_probabilities(i, next) = static_cast<Real>(std::log(probability[tokens[i]][next]));
        }
        void reorder(std::span<const Index>) override {}  // the last token, which step() is given, is all there is
    };

  public:
    std::unique_ptr<Decoding> begin(RaggedView<Token>) const override { return std::make_unique<Rows>(); }
};

int main() {
    const Units letters(UnitKind::chars, std::vector<std::string>{"a", "b", "c"});
    const Bigrams model;
    Ragged<Token> sources;  // one line, without a source
    sources.end_row();
    double greedy = 0, searched = 0;
    for (const Index beam : {1, 3}) {
        const auto results = generate(model, sources, {.beam = beam, .n_best = beam, .length_penalty = 0});
        std::printf("beam %d:", static_cast<int>(beam));
        for (const Generated& result : results[0])
            std::printf("  %s %.3f", letters.decode(result.tokens).c_str(), std::exp(result.log_probability));
        std::printf("\n");
        (beam == 1 ? greedy : searched) = results[0][0].log_probability;
    }
    return searched > greedy ? 0 : 1;
}
