// The training steps that are compared: their sizes, and the same data and first parameters for every contestant.
#pragma once

#include "protocol.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

namespace bench {

inline constexpr double learning_rate = 0.01;

// Bags of tokens of one length, bag after bag.
struct Bags {
    Index length = 1;
    std::vector<std::int32_t> tokens;
};

template <class Token>
Bags make_bags(Index count, Index length, Token&& token) {
    Bags bags{length, {}};
    for (Index i = 0; i < count; ++i)
        for (Index j = 0; j < length; ++j) bags.tokens.push_back(static_cast<std::int32_t>(token(i, j)));
    return bags;
}

// End-to-end memory network (Sukhbaatar et al. 2015), adjacent tying: hop k reads keys of table k and values of table
// k + 1; the question is read by table 0, the answers are words of the last one. A slot is a bag of words and of one
// token for its place, which is the temporal encoding: rows [words, words + slots) of each table.
struct MemN2NData {
    static constexpr Index words = 40, sentence = 7, hops = 3;
    Bags story, question;
    std::vector<Index> answer;

    explicit MemN2NData(const Case& c)
        : story(make_bags(c.batch * c.slots, sentence + 1,
                          [&](Index i, Index j) {
                              return j < sentence
                                         ? random_bits(11, static_cast<std::uint32_t>(i * sentence + j)) % words
                                         : words + i % c.slots;
                          })),
          question(make_bags(c.batch, sentence, [](Index i, Index j) {
              return random_bits(12, static_cast<std::uint32_t>(i * sentence + j)) % words;
          })) {
        for (Index i = 0; i < c.batch; ++i) answer.push_back(random_bits(13, static_cast<std::uint32_t>(i)) % words);
    }
};

// Key-value memory network (Miller et al. 2016): keys of 6 tokens, values of one, two hops with a matrix each. Column
// i < batch of the scores is the answer of example i, the others are negatives that all examples share.
struct KvMemNNData {
    static constexpr Index words = 50'000, key_length = 6, hops = 2, negatives = 1000;
    Bags key, value, question, candidates;

    explicit KvMemNNData(const Case& c)
        : key(log_uniform(c.batch * c.slots, key_length, 21)),
          value(log_uniform(c.batch * c.slots, 1, 22)),
          question(log_uniform(c.batch, key_length, 23)),
          candidates(log_uniform(c.batch + negatives, 1, 24)) {}

  private:
    static Bags log_uniform(Index count, Index length, std::uint32_t stream) {
        return make_bags(count, length, [&](Index i, Index j) {
            return static_cast<Index>(std::pow(double{words}, random_uniform(stream, i * length + j))) - 1;
        });
    }
};

// Encoder-decoder of LSTMs with additive attention (Bahdanau et al. 2015), as `kvmem train --model seq2seq` has it:
// words of 3 to 20 letters and as many phones, embeddings of half the width. Tokens 1 and 2 begin and end a target.
struct Seq2SeqData {
    static constexpr Index source_tokens = 30, target_tokens = 42;
    std::vector<std::vector<std::int64_t>> source, target;

    explicit Seq2SeqData(const Case& c) {
        for (Index i = 0; i < c.batch; ++i) {
            source.push_back(word(i, 61, source_tokens));
            target.push_back(word(i, 63, target_tokens));
        }
    }

  private:
    static std::vector<std::int64_t> word(Index i, std::uint32_t stream, Index tokens) {
        std::vector<std::int64_t> all(3 + random_bits(stream, static_cast<std::uint32_t>(i)) % 18);
        for (std::size_t t = 0; t < all.size(); ++t)
            all[t] = 3 + random_bits(stream + 1, static_cast<std::uint32_t>(i) * 32 + static_cast<std::uint32_t>(t)) %
                             static_cast<std::uint32_t>(tokens - 3);
        return all;
    }
};

// The same words for a Transformer (Vaswani et al. 2017) with post-norm, learned positions and feed-forwards of four
// times the width.
struct TransformerData : Seq2SeqData {
    static constexpr Index layers = 4, heads = 4, max_positions = 32;  // layers of each stack
    using Seq2SeqData::Seq2SeqData;
};

// Transformer encoder layer (Vaswani et al. 2017), post-norm. The loss is the sum of output times weight.
struct EncoderData {
    static constexpr Index inner = 2048;
    Floats input, weight;  // [batch * slots, width]

    explicit EncoderData(const Case& c)
        : input(normal_floats(c.batch * c.slots * c.width, 31)),
          weight(normal_floats(c.batch * c.slots * c.width, 32, 1 / static_cast<double>(c.batch * c.slots))) {}

    // Streams of the matrices [out, in]; the deviation is 1 / sqrt(in).
    enum Matrix : std::uint32_t { query = 33, key, value, output, rise, fall };
};

}  // namespace bench
