// Transformer language models: a decoder without an encoder (Liu et al. 2018, "Generating Wikipedia"; Radford et al.
// 2018), p(y_t | y_1 .. y_{t-1}) = softmax(W h_t + b), h = decoder(sqrt(d) E y).
//
// A layer reads the last `context` symbols alone (Beltagy et al. 2020), so texts of any length are read and written
// with what training has seen: pieces as long as that or longer. Positions should be rotary for that reason.
//
// With `mixer` delta the layers have a memory instead, which each symbol corrects (nn/gated_delta_net.hpp): a symbol
// costs the same however long the text is. With `product_keys` the feed-forward of the middle layer is a table of
// values, of which a symbol reads a few (nn/product_key_memory.hpp).
#pragma once

#include "kvmem/tasks/sequences/model.hpp"
#include "kvmem/tasks/sequences/models/symbol_table.hpp"
#include "kvmem/tasks/sequences/models/transformer_settings.hpp"

namespace kvmem {

struct LanguageModelConfig : TransformerSettings {
    static constexpr const char* kind = "language-model";

    Index layers = 4;
    Index context = 128;
    Index piece = 256;
    Mixer mixer = Mixer::attention;
    Index product_keys = 0;

    LanguageModelConfig() {
        width = 128;
        positions = Positions::rotary;
        feed_forward = FeedForwardForm::gelu;
        dropout = 0.1;
    }

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        TransformerSettings::fields(c, field);
        field("layers", c.layers, Range{1, 64}, "one above the other");
        field("context", c.context, Range{1, 65536}, "the last symbols, which a layer reads");
        field("mixer", c.mixer, "attention, or delta: a memory a head that each symbol corrects, without a context");
        field("product_keys", c.product_keys, Range{0, 46340},
              "n: the middle layer reads a few of n * n values; 0: a feed-forward");
        field("piece", c.piece, Range{1, 65536}, "symbols of the text that are read together in training");
    }
};

class LanguageModel final : public TextNetwork {
  public:
    // Draws the first parameters from the seed, or has zeros to be filled. Throws UsageError for settings that do not
    // fit together.
    LanguageModel(const LanguageModelConfig& config, SequenceUnits units, Start start = Start::drawn);

    Settings settings() const override { return config_; }
    std::string name() const override { return "Transformer language model"; }
    std::string summary() const override;
    Index piece_length() const override { return config_.piece; }
    Var states(Tape& tape, RaggedView<Token> texts) const override { return run(tape, texts).out; }
    Var scores(Var states) const override { return scores_(states); }
    std::unique_ptr<Decoding> begin(RaggedView<Token> sources) const override;
    // Throws Error for product keys and the delta rule.
    std::vector<OnnxModel> onnx() const override;

    // states() with all that was read. On a tape that is not training, each row has the bits that it has step by step.
    TransformerStack::Run run(Tape& tape, RaggedView<Token> texts) const;

  private:
    class Steps;  // the Decoding

    LanguageModelConfig config_;
    SymbolTable symbols_;
    TransformerStack layers_;
    SymbolScores scores_;
};

}  // namespace kvmem
