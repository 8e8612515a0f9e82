// The words of a model: its vocabulary, the tokens that may be answers, and the input for words that training never
// saw. Several threads may read it while none extends it.
//
// With word vectors, the input for a word that training never saw is the word of training with the nearest vector.
#pragma once

#include "kvmem/io/word_vectors.hpp"
#include "kvmem/tasks/qa/dataset.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvmem {

// How the rows of a model's words begin.
struct WordSettings {
    std::filesystem::path vectors{};  // of word vectors that they begin as; "": random numbers
    bool train_vectors = true;        // whether training changes the rows of words that have vectors

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("vectors", c.vectors);
        field("train_vectors", c.train_vectors, "with word vectors: whether training changes the words that have one");
    }
};

// What a model is made with besides its settings. A vocabulary alone has no vectors.
struct ModelWords {
    // Takes both.
    ModelWords(Vocabulary all, WordVectors some = {}) : vocabulary(std::move(all)), vectors(std::move(some)) {}

    // All words, and the vectors of some of them and of others.
    Vocabulary vocabulary;
    WordVectors vectors;
};

class NearWords;  // of src/tasks/qa

class Lexicon {
  public:
    // `candidates` must rise.
    Lexicon(Vocabulary vocabulary, std::vector<Token> candidates, WordVectors vectors = {});
    ~Lexicon();
    Lexicon(Lexicon&&) noexcept;
    Lexicon& operator=(Lexicon&&) noexcept;

    // The vocabulary, and the tokens that may be answers, which rise. Both are valid until extend().
    const Vocabulary& vocabulary() const { return vocabulary_; }
    std::span<const Token> candidates() const { return candidates_; }

    // The input of the model for a token: the token, or that of like() for a word that training never saw.
    Token input(Token token) const { return inputs_[token]; }
    // The word of training whose vector is nearest to that of this word, or unknown_token.
    Token like(std::string_view word) const;
    // The word vectors, or null for none.
    const WordVectors* vectors() const;
    // Their comparison, for models, or null.
    const NearWords* near() const { return near_.get(); }
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
    std::unique_ptr<const NearWords> near_;
    std::vector<Token> inputs_;            // of each token
    std::vector<Index> candidate_number_;  // of each token
    std::vector<Token> second_;  // of each token in the second dictionary, or unknown_token; empty without one
};

// Replaces every token t by to[t].
void translate(std::span<Token> tokens, std::span<const Token> to);
void translate(Slots& slots, std::span<const Token> to);

}  // namespace kvmem
