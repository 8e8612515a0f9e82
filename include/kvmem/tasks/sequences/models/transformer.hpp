// The Transformer, an encoder-decoder made of attention (Vaswani et al. 2017), with normalisation before each sub-layer
// (Xiong et al. 2020).
//
// Letters: d the width, E and F embeddings of source symbols x and target symbols y, PE the positions.
//
//     m = encoder(sqrt(d) E x + PE)                    each source symbol reads the whole source: a key-value memory
//     h = decoder(sqrt(d) F [begin; y] + PE, m)        each symbol reads those before it, then the memory
//     p(y_t) = softmax(W h_t + b)                      W is F, with `tied`
#pragma once

#include "kvmem/tasks/sequences/model.hpp"
#include "kvmem/tasks/sequences/models/symbol_table.hpp"
#include "kvmem/tasks/sequences/models/transformer_settings.hpp"

namespace kvmem {

struct TransformerConfig : TransformerSettings {
    static constexpr const char* kind = "transformer";

    Index encoder_layers = 3, decoder_layers = 3;
    double label_smoothing = 0.1;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        TransformerSettings::fields(c, field);
        field("encoder_layers", c.encoder_layers, Range{1, 64}, "of the encoder");
        field("decoder_layers", c.decoder_layers, Range{1, 64}, "of the decoder");
        field("label_smoothing", c.label_smoothing, Range::below(0, 1), "share of the target that all symbols share");
    }
};

class Transformer final : public SequenceNetwork {
  public:
    // Draws the first parameters from the seed, or has zeros to be filled. Throws UsageError for settings that do not
    // fit together.
    Transformer(const TransformerConfig& config, SequenceUnits units, Start start = Start::drawn);

    Settings settings() const override { return config_; }
    std::string name() const override { return "Transformer"; }
    std::string summary() const override;
    Var loss(Tape& tape, RaggedView<Token> source, RaggedView<Token> target) const override;
    // heads() are those of the attention to the source: head h of decoder layer l is number l * heads + h.
    std::unique_ptr<Decoding> begin(RaggedView<Token> sources) const override;
    std::vector<OnnxModel> onnx() const override;

    std::vector<SelfAttention> self_attention(std::span<const Token> source,
                                              std::span<const Token> target) const override;

    // One pass over pairs with teacher forcing, and all that was read. Target i has the rows from its begin_token on.
    struct Run {
        TransformerStack::Run encoder, decoder;  // decoder.out is what the output layer reads
        Var scores;                              // of the next symbols, before the softmax
    };
    // Throws Error unless each target has a source. On a tape that is not training, each row has the bits that it has
    // step by step.
    Run run(Tape& tape, RaggedView<Token> source, RaggedView<Token> target) const;

  private:
    class Steps;  // the Decoding

    TransformerConfig config_;
    SymbolTable source_, target_;
    TransformerStack encoder_, decoder_;
    SymbolScores scores_;
};

}  // namespace kvmem
