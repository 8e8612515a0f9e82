#include "kvmem/tasks/sequences/model.hpp"

namespace kvmem {

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
