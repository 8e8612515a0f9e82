// Another data set's texts in a model's tokens. Not installed.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"
#include "kvmem/text/entity_linker.hpp"

#include <span>
#include <vector>

namespace kvmem {

// Which of a model's entities texts about a data set's memory may name: the data set's own. Empty, for all that the
// model knows, when there is no memory that questions share: questions then bring slots, about names of training
// perhaps. `to` is what Model::extend() returned.
std::vector<bool> names_in_use(const QaDataset& dataset, std::span<const Token> to, Token model_tokens);

// Leaves out each word "s" behind an entity, as texts are linked for a model that never saw a possessive in training.
void leave_out_possessives(Ragged<Token>& rows, const Vocabulary& vocabulary);

class Translator {
  public:
    // All must outlive it; the linker is one over `ours`.
    Translator(const Vocabulary& theirs, const Vocabulary& ours, std::span<const Token> to, const EntityLinker& linker)
        : theirs_(theirs), ours_(ours), to_(to), linker_(linker) {}

    // Puts rows of their tokens into ours. Words that training never saw become the names that they are to the linker:
    // their data set may have had no reason to take them for names, or no training to tell names from words.
    void translate_texts(Ragged<Token>& rows) const;

  private:
    bool is_word(Token theirs) const { return theirs_.kind(theirs) == TokenKind::word; }
    bool is_trained(Token theirs) const;
    void append_words(std::vector<Token>& out, std::span<const Token> words) const;

    const Vocabulary& theirs_;
    const Vocabulary& ours_;
    std::span<const Token> to_;
    const EntityLinker& linker_;
};

}  // namespace kvmem
