#include "kvmem/tasks/sequences/model.hpp"

#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"

namespace kvmem {

Var TextNetwork::continuation_loss(Tape& tape, RaggedView<Token> pieces, std::span<const Index> context) const {
    require_shape(std::ssize(context) == pieces.size(), "continuation_loss", "a context for each piece");
    Ragged<Token> inputs;
    std::vector<Index> rows, targets;  // rows whose next symbols count
    for (Index i = 0; i < pieces.size(); ++i) {
        const std::span<const Token> piece = pieces[i];
        for (Index t = 0; t + 1 < std::ssize(piece); ++t) {
            if (t + 1 >= context[i]) {
                rows.push_back(std::ssize(inputs.values));
                targets.push_back(piece[t + 1]);
            }
            inputs.values.push_back(piece[t]);
        }
        inputs.end_row();
    }
    Var read = states(tape, inputs);
    if (std::ssize(rows) < read.rows()) read = take_rows(read, rows);
    return cross_entropy(scores(read), targets);
}

std::vector<OnnxModel> SequenceNetwork::onnx() const {
    throw Error({.what = "this kind of network cannot be exported to ONNX",
                 .expected = "seq2seq, transformer, recurrent-text or language-model",
                 .got = settings().kind(),
                 .hint = "safetensors has the weights of every network"});
}

Var TextNetwork::loss(Tape& tape, RaggedView<Token>, RaggedView<Token> target) const {
    Ragged<Token> pieces;
    for (Index i = 0; i < target.size(); ++i) {
        pieces.values.push_back(begin_token);
        pieces.values.insert(pieces.values.end(), target[i].begin(), target[i].end());
        pieces.values.push_back(end_token);
        pieces.end_row();
    }
    return continuation_loss(tape, pieces, std::vector<Index>(target.size(), 1));
}

}  // namespace kvmem
