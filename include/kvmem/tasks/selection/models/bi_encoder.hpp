// Models that encode a question and each of its candidates by the same network, and compare the two vectors.
//
// Words w have frozen vectors, beside which stand what the question has of them: whether the word, whether its stem,
// and how rare it is (reading.hpp). An encoder makes a row h_w of each word, seeing the other words of its text. Max
// and mean over a text's words are its vector. The score of a candidate v to the question u is
//
//   score = a . tanh(M [u v; (u - v)^2] + b)
//
//     lstm         h are the states of an LSTM in both directions (Tan et al. 2015, arXiv 1511.04108, "QA-LSTM")
//     transformer  h is the output of a Transformer's encoder over W [w; matches] (Vaswani et al. 2017)
//
// They are what attention from word to word is measured against: all that they hold of a text is one vector. The loss
// is listwise_loss().
#pragma once

#include "kvmem/nn/recurrent.hpp"
#include "kvmem/nn/transformer.hpp"
#include "kvmem/tasks/selection/model.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace kvmem {

// A model with an encoder, which derived classes have.
class BiEncoder : public SelectionModel {
  public:
    Var scores(Tape& tape, std::span<const ReadQuestion* const> questions) const override;

  protected:
    // The derived class adds its encoder and calls add_comparison().
    BiEncoder(SentenceLexicon lexicon, Start start) : SelectionModel(std::move(lexicon), start) {}
    // Adds the comparison of texts that are encoded as rows of this width, with dropout of words, and of vectors of
    // texts.
    void add_comparison(Index encoded, Index hidden, double dropout, std::uint64_t seed);
    // The width of the rows that encode() takes.
    Index input_width() const { return lexicon().width() + ReadQuestion::match_columns; }

  private:
    // The rows [words, encoded] of texts' words [words, input_width()]: text i is rows [offsets[i], offsets[i + 1]).
    virtual Var encode(Var words, std::span<const Index> offsets) const = 0;

    std::optional<Linear> hidden_, out_;
    double dropout_ = 0;
};

// The settings of an LstmEncoder.
struct LstmEncoderConfig {
    static constexpr const char* kind = "lstm";
    Cell cell = Cell::lstm;
    Index width = 32, layers = 1, hidden = 32;
    double dropout = 0.3;
    std::uint64_t seed = 1;
    SentenceVectors words{};  // vectors of words to begin with

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        SentenceVectors::fields(c.words, field);
        field("cell", c.cell, "rnn, lstm, gru, gru-reset-before, min-gru or min-lstm");
        field("width", c.width, Range{1, 4096}, "of the states of each direction");
        field("layers", c.layers, Range{1, 16}, "of cells");
        field("hidden", c.hidden, Range{1, 4096}, "units over the two vectors that are compared");
        field("dropout", c.dropout, Range::below(0, 1), "of words, and of the vectors of texts");
        field("seed", c.seed, "of every random choice");
    }
};

// Texts are read by recurrent cells in both directions.
class LstmEncoder final : public BiEncoder {
  public:
    // Throws UsageError for settings out of their ranges.
    LstmEncoder(const LstmEncoderConfig& config, SentenceLexicon lexicon, Start start = Start::drawn);

    Settings settings() const override { return config_; }
    std::string name() const override { return "LSTM over sentences"; }
    std::string summary() const override;

  private:
    Var encode(Var words, std::span<const Index> offsets) const override;

    LstmEncoderConfig config_;
    std::optional<Recurrent> cells_;
};

// The settings of a TransformerEncoder.
struct TransformerEncoderConfig {
    static constexpr const char* kind = "transformer";
    Index width = 64, heads = 4, layers = 1, hidden = 32;
    Positions positions = Positions::sinusoidal;
    double dropout = 0.2;
    std::uint64_t seed = 1;
    SentenceVectors words{};  // vectors of words to begin with
    // Throws UsageError for heads that do not divide the width.
    void check() const;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        SentenceVectors::fields(c.words, field);
        field("width", c.width, Range{1, 4096}, "of the rows of words; a multiple of the heads");
        field("heads", c.heads, Range{1, 64}, "of each attention");
        field("layers", c.layers, Range{1, 16}, "of the encoder");
        field("positions", c.positions, "of words: none, sinusoidal, rotary, relative or alibi");
        field("hidden", c.hidden, Range{1, 4096}, "units over the two vectors that are compared");
        field("dropout", c.dropout, Range::below(0, 1), "of words, of sub-layers, and of the vectors of texts");
        field("seed", c.seed, "of every random choice");
    }
};

// Texts are read by a Transformer's encoder.
class TransformerEncoder final : public BiEncoder {
  public:
    // Throws UsageError for settings out of their ranges.
    TransformerEncoder(const TransformerEncoderConfig& config, SentenceLexicon lexicon, Start start = Start::drawn);

    Settings settings() const override { return config_; }
    std::string name() const override { return "Transformer over sentences"; }
    std::string summary() const override;

  private:
    Var encode(Var words, std::span<const Index> offsets) const override;

    TransformerEncoderConfig config_;
    std::optional<Linear> in_;
    std::optional<TransformerStack> stack_;
};

}  // namespace kvmem
