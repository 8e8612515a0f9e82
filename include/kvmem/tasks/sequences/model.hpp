// The interface of networks that write sequences. Training, files and generation use it alone.
//
// A network turns a source into a target, or goes on with a text: a language model is a network whose sources are
// empty. Several threads may read a network, each with a tape of its own, while no thread trains it.
#pragma once

#include "kvmem/autograd/packed_parameters.hpp"
#include "kvmem/autograd/tape.hpp"
#include "kvmem/core/ragged.hpp"
#include "kvmem/io/onnx.hpp"
#include "kvmem/tasks/sequences/decoder.hpp"
#include "kvmem/text/units.hpp"
#include "kvmem/train/settings.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// The units of both sides. Those of the source are without tokens of their own for a language model.
struct SequenceUnits {
    // Each gives the tokens of its side.
    Units source, target;
};

// What a head of an attention of a sequence to itself read.
struct SelfAttention {
    std::string name;  // "layer 1 head 2"
    bool of_source;    // otherwise of the target behind begin_token
    Matrix weights;    // row i reads column j
};

// A trainable model of sequences with its units and parameters. While nothing trains it, several threads may use it.
class SequenceNetwork : public SequenceModel {
  public:
    // The settings that the network was made with.
    virtual Settings settings() const = 0;
    virtual std::string name() const = 0;     // "recurrent encoder-decoder"
    virtual std::string summary() const = 0;  // "An LSTM encoder-decoder of width 256 with additive attention"

    // The units of both sides, and the parameters. The references are valid for the life of the network.
    const Units& source_units() const { return units_.source; }
    const Units& target_units() const { return units_.target; }
    Parameters& parameters() { return parameters_; }
    const Parameters& parameters() const { return parameters_; }

    // From now on, objects that begin() makes read packed copies of the weights, in this form. Training does not. The
    // parameters must not change afterwards. Objects that begin() made before may not be used any more.
    void pack(WeightForm form) { packed_ = std::make_unique<PackedParameters>(form); }
    // The copies, or null.
    const PackedParameters* packed() const { return packed_.get(); }

    // The sum over all targets of the cross-entropy of each of their symbols and of end_token after them, given those
    // before: [1, 1]. source[i] belongs to target[i]. On a tape that trains, with dropout and label smoothing.
    virtual Var loss(Tape& tape, RaggedView<Token> source, RaggedView<Token> target) const = 0;

    // The network's graphs for other programs: "encoder", from source tokens to what a step reads, and "step", from the
    // last tokens to log-probabilities of the next ones. An output next_x of a step is the input x of the next step.
    // Throws Error for a network that ONNX's operators do not give.
    virtual std::vector<OnnxModel> onnx() const;

    // What the sequences of a pair read of themselves, those of the source first: none without such attention. The
    // weights of the target on the source are those of Decoding. Safe to call on several threads.
    virtual std::vector<SelfAttention> self_attention(std::span<const Token> /*source*/,
                                                      std::span<const Token> /*target*/) const {
        return {};
    }

  protected:
    // Takes the units; the derived class adds the parameters, which begin as `start` says.
    SequenceNetwork(SequenceUnits units, Start start) : parameters_(start), units_(std::move(units)) {}

    // The parameters, which the constructor of a derived class fills.
    Parameters parameters_;

  private:
    SequenceUnits units_;
    std::unique_ptr<PackedParameters> packed_;
};

// A language model: a network whose sources are empty.
class TextNetwork : public SequenceNetwork {
  public:
    // The sum over all pieces of the cross-entropy of the symbols behind the first `context[i]` ones of piece i, each
    // given all before it in its piece: [1, 1]. A context is at least 1; a piece that is not longer adds 0.
    Var continuation_loss(Tape& tape, RaggedView<Token> pieces, std::span<const Index> context) const;
    // What the output layer reads for the symbol behind each one of the texts, given all up to it: a row for each.
    virtual Var states(Tape& tape, RaggedView<Token> texts) const = 0;
    // The scores of the next symbols, before the softmax: [rows of states, tokens].
    virtual Var scores(Var states) const = 0;
    // How many symbols of a text training reads together.
    virtual Index piece_length() const = 0;
    // That of begin_token, the target and end_token, with a context of 1.
    Var loss(Tape& tape, RaggedView<Token> source, RaggedView<Token> target) const final;

  protected:
    // Takes the units of the texts.
    TextNetwork(Units units, Start start) : SequenceNetwork({Units(), std::move(units)}, start) {}
};

// Makes a network with its first parameters, drawn from the settings' seed unless they are to be read from a file.
// Throws UsageError for settings of no model.
std::unique_ptr<SequenceNetwork> make_sequence_network(const Settings& settings, SequenceUnits units,
                                                       Start start = Start::drawn);

}  // namespace kvmem
