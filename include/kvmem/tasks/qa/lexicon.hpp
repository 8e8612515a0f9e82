// The words of a model: its vocabulary, the tokens that may be answers, and the input for words that training never
// saw. Several threads may read it while none extends it.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"

#include <span>
#include <vector>

namespace kvmem {

class Lexicon {
  public:
    // `candidates` must rise.
    Lexicon(Vocabulary vocabulary, std::vector<Token> candidates);

    // The vocabulary, and the tokens that may be answers, which rise. Both are valid until extend().
    const Vocabulary& vocabulary() const { return vocabulary_; }
    std::span<const Token> candidates() const { return candidates_; }

    // The input of the model for a token: the token, or unknown_token for a word that training never saw.
    Token input(Token token) const { return inputs_[token]; }
    Ragged<Token> inputs(const Ragged<Token>& bags) const;
    // The same for questions: behind its tokens, a question has those of the second dictionary that the model knows.
    Ragged<Token> question_inputs(const Ragged<Token>& questions) const;
    // A token's twin in the second dictionary, or unknown_token for none.
    Token second(Token token) const { return second_.empty() ? unknown_token : second_[token]; }
    // Whether the vocabulary has a second dictionary.
    bool has_second_dictionary() const { return !second_.empty(); }

    // The number of a token, or of a value's only token, among the candidates; -1 for others.
    Index candidate(Token token) const { return candidate_number_[token]; }
    Index candidate(std::span<const Token> value) const { return value.size() == 1 ? candidate(value[0]) : -1; }

    // Adds another data set's entities, and its words with `words_too`. Its candidates replace these, or are added if
    // its questions bring all slots that they read. Gives the own token for each of the data set's: unknown_token,
    // which is no candidate, for those that stay unknown.
    std::vector<Token> extend(const QaDataset& dataset, bool words_too = false);

  private:
    void index();

    Vocabulary vocabulary_;
    std::vector<Token> candidates_;
    std::vector<Token> inputs_;            // of each token
    std::vector<Index> candidate_number_;  // of each token
    std::vector<Token> second_;  // of each token in the second dictionary, or unknown_token; empty without one
};

// Replaces every token t by to[t].
void translate(std::span<Token> tokens, std::span<const Token> to);
void translate(Slots& slots, std::span<const Token> to);

}  // namespace kvmem
