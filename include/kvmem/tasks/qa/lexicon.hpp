// What a model knows of words: its vocabulary, which tokens may be answers, and what it reads for words that
// training never saw. Reading is safe from several threads.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"

#include <span>
#include <vector>

namespace kvmem {

class Lexicon {
  public:
    // `candidates` rise.
    Lexicon(Vocabulary vocabulary, std::vector<Token> candidates);

    const Vocabulary& vocabulary() const { return vocabulary_; }
    std::span<const Token> candidates() const { return candidates_; }

    // What the model reads for a token: itself, or unknown_token for a word that training never saw.
    Token input(Token token) const { return inputs_[static_cast<std::size_t>(token)]; }
    Ragged<Token> inputs(const Ragged<Token>& bags) const;

    // The number of a token, or of a value's only token, among the candidates; -1 when it is none.
    Index candidate(Token token) const { return candidate_number_[static_cast<std::size_t>(token)]; }
    Index candidate(std::span<const Token> value) const { return value.size() == 1 ? candidate(value[0]) : -1; }

    // Takes another data set's entities in, and its words if asked to. Its candidates replace these, or come to them if
    // its questions bring all slots that they read. Returns the own token for each of the data set's; others that are
    // not known become unknown_token, which is no candidate.
    std::vector<Token> extend(const QaDataset& dataset, bool words_too = false);

  private:
    void index();

    Vocabulary vocabulary_;
    std::vector<Token> candidates_;
    std::vector<Token> inputs_;            // of each token
    std::vector<Index> candidate_number_;  // of each token
};

// Replaces every token t by to[t].
void translate(std::span<Token> tokens, std::span<const Token> to);
void translate(Slots& slots, std::span<const Token> to);

}  // namespace kvmem
