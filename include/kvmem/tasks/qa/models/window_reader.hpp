// A reader of documents: it points at mentions in windows (kvmem/tasks/qa/documents/representation.hpp).
//
// Letters: B questions, S slots, d width. A slot's window is read as a question about its mention. The question's name
// is no word of either: where the window, its centre or the title is that name, a mark says so. So nothing is learned
// by heart about names, and new documents are read without training.
//
//     x_s = sum_j f_place(j) * E w_j + sum of M mark        (* is elementwise; place(j) is counted from the mention)
//     k_s = U relu(V x_s + b) + c        q = sum_i Q w_i / sqrt(n)        p = softmax_s(q . k_s)
//     the answer is the candidate y with the largest sum of p_s over the slots with the value y
//
// The factors f are random and fixed. The sum over slots is that of the attention-sum reader (Kadlec et al. 2016),
// whose loss is -log of the weight on right answers.
#pragma once

#include "kvmem/nn/layers.hpp"
#include "kvmem/tasks/qa/model.hpp"

#include <optional>

namespace kvmem {

struct WindowReaderConfig {
    static constexpr const char* kind = "window-reader";

    Index width = 64;
    double word_dropout = 0.1;
    double name_dropout = 0.3;
    double place_deviation = 1;
    RetrieverOptions retriever{};  // how slots are found; its hops are not used
    std::uint64_t seed = 1;
    WordSettings words{};  // how the rows of words begin
    // Throws UsageError for Retrieval::whole, which this model cannot read.
    void check() const;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("width", c.width, Range{1, 8192}, "of the embeddings");
        field("word_dropout", c.word_dropout, Range::below(0, 1), "share of words read as unknown in training");
        field("name_dropout", c.name_dropout, Range::below(0, 1), "share of names read as unknown in training");
        field("place_std", c.place_deviation, Range{0, 1e6}, "how much words of different places differ");
        RetrieverOptions::fields(c.retriever, field);
        field("seed", c.seed, "of every random choice");
        WordSettings::fields(c.words, field);
    }
};

class WindowReader final : public Model {
  public:
    // Throws Error when a loaded shape does not fit.
    WindowReader(const WindowReaderConfig& config, ModelWords words, std::vector<Token> candidates,
                 const LoadParameter& load = {});

    Settings settings() const override { return config_; }
    std::string name() const override { return "window reader"; }
    std::string summary() const override;
    RetrieverOptions retrieval() const override { return config_.retriever; }

    // The sum over the batch of -log of the weight on right answers. A question adds a constant if no slot holds one.
    Var loss(Tape& tape, const Batch& batch, Rng& rng) const override;
    void score(Tape& tape, const Batch& batch, View scores, AttentionTrace* trace = nullptr) const override;

  private:
    Var weights(Tape& tape, const Batch& batch, Rng* rng) const;
    void grow() override;

    WindowReaderConfig config_;
    Parameter *question_table_, *window_table_, *marks_;  // Q, E, M
    Matrix factors_;                                      // f: [places, d]
    std::optional<Linear> inner_, outer_;                 // V, U
};

}  // namespace kvmem
