// The interface of models that write a sequence token by token: an attention LSTM, a Transformer, a language model.
//
// Searches (tasks/sequences/generate.hpp) see nothing else of a model. To generate with a scorer of your own, derive
// from both classes.
#pragma once

#include "kvmem/core/matrix.hpp"
#include "kvmem/core/ragged.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// Hypotheses that grow together, token by token. Rows are hypotheses, grouped by their source in the order of the
// sources. One thread at a time uses an object.
class Decoding {
  public:
    virtual ~Decoding() = default;

    // The number of tokens, begin_token and end_token among them.
    virtual Index vocabulary() const = 0;
    // Appends tokens[i] to hypothesis i, and writes the logarithms of the probabilities of its next token to row i of
    // `log_probabilities` [rows, vocabulary()]. The first token of a hypothesis is begin_token. The bits of a row must
    // depend on its source and its tokens alone.
    virtual void step(std::span<const Token> tokens, View log_probabilities) = 0;
    // The same step for a search, which normalises the rows that it has to. Returns whether `scores` are log
    // probabilities, as they are by default; otherwise their log-softmax is, with the bits that step() gives. Of tokens
    // whose log probabilities are equal by rounding alone, a search may then take the larger score first.
    virtual bool step_scores(std::span<const Token> tokens, View scores) { return step(tokens, scores), true; }
    // Hypothesis i becomes a copy of what hypothesis rows[i] was. Rows stay grouped by source. A source may lose all of
    // its hypotheses.
    virtual void reorder(std::span<const Index> rows) = 0;

    // Whether add() works. Other objects end with the sources that they began with.
    virtual bool takes_sources() const { return false; }
    // Adds a hypothesis without tokens for each source, behind the others. The sources are read during the call alone,
    // and those that have no hypotheses any more are forgotten. Throws Error for sources that the model does not take,
    // and for any where takes_sources() is false.
    virtual void add(RaggedView<Token> sources);

    // The vectors [rows, width] from which the output layer made the probabilities of the last step(), a row for each
    // of its hypotheses. Empty where a model shows none. Valid until the next step() or add().
    virtual ConstView states() const { return {}; }

    // The number of attention heads to show; 0 for none.
    virtual Index heads() const { return 0; }
    // What texts call a head: "head 1", or "layer 2 head 3".
    virtual std::string head_name(Index head) const { return "head " + std::to_string(head + 1); }
    // What a head read in the last step() for the next token of hypothesis `row`: a weight for each token of its
    // source. Valid until the next step(), reorder() or add().
    virtual std::span<const Real> weights(Index /*row*/, Index /*head*/) const { return {}; }
};

// A model that writes targets for sources. A language model goes on with a text: its sources are empty.
class SequenceModel {
  public:
    virtual ~SequenceModel() = default;
    // One hypothesis without tokens for each source. The model and the sources must outlive the object. Safe to call on
    // several threads, also beside step() of other objects. Throws Error for sources that the model does not take.
    virtual std::unique_ptr<Decoding> begin(RaggedView<Token> sources) const = 0;
};

// The mean of the probabilities of several models, with the heads of all and their states side by side. The models must
// outlive the object and have the same tokens in sources and targets.
class Ensemble : public SequenceModel {
  public:
    // Throws UsageError when there are no models.
    explicit Ensemble(std::vector<const SequenceModel*> models);
    // Throws Error when the models' vocabularies have different sizes.
    std::unique_ptr<Decoding> begin(RaggedView<Token> sources) const override;

  private:
    std::vector<const SequenceModel*> models_;
};

}  // namespace kvmem
