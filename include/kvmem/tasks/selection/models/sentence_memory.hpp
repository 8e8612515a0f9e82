// SentenceMemory: the candidates of a question as a key-value memory of windows (Miller et al. 2016, arXiv 1606.03126,
// section 5.3, WikiQA).
//
// A slot stands for each word c of each candidate s. Its key is a window of W words with c in the middle, its value the
// whole sentence. With bags of words [..], sums over the root of their number,
//
//   key = A [w_1 .. w_W without c] + C c,  value = (A + C) [s],  q_1 = (A + C) [question] + b
//   q_{j+1} = R_j (q_j + sum_i softmax_i(z cos(q_j, key_i)) value_i)      over all windows of all candidates
//   weight(s) = sum of softmax_i(z cos(q_H, key_i)) over the windows i of s
//   score(s) = z cos(q_{H+1}, value(s)) + log weight(s)
//
// but for a constant of the question: what H hops have read is compared with the sentence, and its windows count as
// they were read last. A and C are the two dictionaries of "centre encoding". A word is its vector, which training
// leaves as it is, and whether the question has the word and its stem ("exact match"), times its inverse document
// frequency. In training words are left out at the rate of dropout. The loss is listwise_loss().
#pragma once

#include "kvmem/nn/key_value_memory.hpp"
#include "kvmem/nn/layers.hpp"
#include "kvmem/tasks/selection/model.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace kvmem {

// The settings of a SentenceMemory.
struct SentenceMemoryConfig {
    static constexpr const char* kind = "kv-mem-nn";
    Index width = 64;  // d
    Index hops = 2;    // H
    Index window = 7;  // W
    double sharpness = 20, exact_match = 10;
    double dropout = 0.2;
    std::uint64_t seed = 1;
    SentenceVectors words{};  // vectors of words to begin with
    // Throws UsageError for a window without a word in the middle.
    void check() const;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        SentenceVectors::fields(c.words, field);
        field("width", c.width, Range{1, 4096}, "of keys and values");
        field("hops", c.hops, Range{1, 16}, "reads of the memory");
        field("window", c.window, Range{1, 1001}, "words of a key, an odd number");
        field("sharpness", c.sharpness, Range{0, 1e3}, "factor of the cosine of a question and a key");
        field("exact_match", c.exact_match, Range{0, 1e3},
              "how much a word that the question has counts beside vectors");
        field("dropout", c.dropout, Range::below(0, 1), "of whole words");
        field("seed", c.seed, "of every random choice");
    }
};

// The network of the formulas above.
class SentenceMemory final : public SelectionModel {
  public:
    // Throws UsageError for settings out of their ranges.
    SentenceMemory(const SentenceMemoryConfig& config, SentenceLexicon lexicon, Start start = Start::drawn);

    Settings settings() const override { return config_; }
    std::string name() const override { return "key-value memory network of sentences"; }
    std::string summary() const override;

    Var scores(Tape& tape, std::span<const ReadQuestion* const> questions) const override;

  private:
    SentenceMemoryConfig config_;
    Linear side_, centre_;  // A, C
    Parameter* start_;      // b
    KeyValueMemory memory_;
};

}  // namespace kvmem
