// Another data set's texts in a model's tokens. Not installed.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"
#include "kvmem/tasks/qa/lexicon.hpp"
#include "kvmem/text/entity_linker.hpp"

#include <span>
#include <vector>

namespace kvmem {

// By the model's tokens, whether texts about a data set's memory may name an entity: it must be the data set's own.
// Empty, which allows all names, without slots of a shared memory, since questions then bring slots that may be about
// names of training. `to` is the result of Model::extend().
std::vector<bool> names_in_use(const Vocabulary& theirs, Index slots, std::span<const Token> to, Token model_tokens);

// By the model's tokens, whether they are relations of a data set.
std::vector<bool> relations_in_use(const Vocabulary& theirs, std::span<const Token> to, Token model_tokens);

// Removes each word "s" behind an entity, as the linker does for a model that never saw a possessive in training.
void leave_out_possessives(Ragged<Token>& rows, const Vocabulary& vocabulary);

class Translator {
  public:
    // All arguments must outlive the translator; the linker is one over the vocabulary of `ours`. `marks_names` says
    // that a row with a name of the other data set has no other names in lower case (EntityLinker, of brackets).
    Translator(const Vocabulary& theirs, const Lexicon& ours, std::span<const Token> to, const EntityLinker& linker,
               bool marks_names);

    // Translates rows of `theirs` into `ours`. Words that training never saw become the names that the linker finds in
    // them, since the other data set may have had no reason to take them for names. Other words that the model does not
    // know become the words of training with the nearest vectors.
    void translate_texts(Ragged<Token>& rows) const;

  private:
    bool is_word(Token theirs) const { return theirs_.kind(theirs) == TokenKind::word; }
    bool is_trained(Token theirs) const;
    void append_words(std::vector<Token>& out, std::span<const Token> words, bool beside_names) const;

    const Vocabulary& theirs_;
    const Vocabulary& ours_;
    std::span<const Token> to_;
    std::vector<Token> inputs_;  // of each token of `theirs`: that of `to_`, or of Lexicon::like()
    const EntityLinker& linker_;
    bool marks_names_;
};

}  // namespace kvmem
