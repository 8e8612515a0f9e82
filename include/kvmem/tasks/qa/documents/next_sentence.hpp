// Word vectors from documents of one's own: a sentence tells the one that follows it from others (supervised
// embeddings, Bai et al. 2009 and Dodge et al. 2016, as Miller et al. 2016, section 5.3, pre-train on Wikipedia).
//
// With a vector e_w for each word, a sentence is phi(x) = sum_w e_w / sqrt(n), of its n words that have one. The loss
// of a sentence x and the next one y is
//
//   -log softmax(phi(x) . phi(y))    over y, the next sentences of the batch's other ones, and others drawn at random
//
// The vectors begin any model that reads words (--vectors), and are those of sentences, too (encode()).
#pragma once

#include "kvmem/autograd/tape.hpp"
#include "kvmem/core/ragged.hpp"
#include "kvmem/io/metadata.hpp"
#include "kvmem/io/onnx.hpp"
#include "kvmem/io/word_vectors.hpp"
#include "kvmem/tasks/qa/documents/collection.hpp"
#include "kvmem/train/objective.hpp"
#include "kvmem/train/settings.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace kvmem::documents {

// The settings of a NextSentence.
struct NextSentenceConfig {
    static constexpr const char* kind = "next-sentence";
    Index width = 100;
    Index min_count = 2, max_words = 100'000;
    Index negatives = 64;
    double deviation = 0.1, word_dropout = 0.5;
    std::uint64_t seed = 1;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("width", c.width, kvmem::Range{1, 8192}, "of the vectors");
        field("min_count", c.min_count, kvmem::Range{1, 1e9},
              "of a word with a vector: how often documents have it, at least");
        field("max_words", c.max_words, kvmem::Range{1, 1e7}, "with a vector, the most frequent ones");
        field("negatives", c.negatives, kvmem::Range{0, 1e6}, "sentences drawn at random for each part of a batch");
        field("init", c.deviation, kvmem::Range::above(0), "deviation of the first vectors");
        field("word_dropout", c.word_dropout, kvmem::Range::below(0, 1), "share of words that training leaves out");
        field("seed", c.seed, "of every random choice");
    }
};

// Sentences as rows of numbers of words, and those that follow each other.
struct SentencePairs {
    // The words of each sentence.
    Ragged<Token> sentences{};
    // The numbers of the first and of the next sentence of each pair.
    std::vector<Index> first{}, next{};
    [[nodiscard]] Index size() const { return std::ssize(first); }
};

// The vectors of words. Several threads may read them while no thread trains them.
class NextSentence {
  public:
    // Word i has row i of the table. Throws UsageError for settings out of their ranges, and Error for no words or for
    // words that are empty, no UTF-8, or twice there.
    NextSentence(const NextSentenceConfig& config, std::vector<std::string> words, Start start = Start::drawn);

    // What model cards and reports say of it, its words, and its one parameter, the table [words, width].
    Settings settings() const { return config_; }
    std::string name() const { return "Next sentence"; }
    std::string summary() const;
    const std::vector<std::string>& words() const { return words_; }
    Parameters& parameters() { return parameters_; }
    const Parameters& parameters() const { return parameters_; }
    // Throws Error: there is no graph of it.
    [[noreturn]] std::vector<OnnxModel> onnx() const;

    // The number of a word in lower case, or none; and those of the words of a text that have one. Throws Error for
    // text that is not UTF-8.
    [[nodiscard]] std::optional<Token> number(const std::string& word) const;
    [[nodiscard]] std::vector<Token> read(std::string_view text) const;
    // The sum of the losses of these pairs, [1, 1].
    Var loss(Tape& tape, const SentencePairs& data, std::span<const Index> pairs, Rng& rng) const;
    // phi of each row of words, zeros for none: [rows, width].
    [[nodiscard]] Matrix encode(RaggedView<Token> texts) const;
    // The vectors, the most frequent word first.
    [[nodiscard]] WordVectors vectors() const;

  private:
    NextSentenceConfig config_;
    std::vector<std::string> words_;
    std::unordered_map<std::string, Token> numbers_;
    Parameters parameters_;
    Parameter* table_;
};

// The words of documents that get a vector, the most frequent first, then by their bytes.
[[nodiscard]] std::vector<std::string> words_with_vectors(const Collection& documents,
                                                          const NextSentenceConfig& config);

// Every two sentences of running text that follow each other in a document and have words of the model.
[[nodiscard]] SentencePairs sentence_pairs(const Collection& documents, const NextSentence& model);

// Of pairs, those that training reads and those that validate: of each hundred in their order the last ten.
[[nodiscard]] SentencePairs training_pairs(const SentencePairs& all);
[[nodiscard]] SentencePairs validation_pairs(const SentencePairs& all);

// How well next sentences are found among the next ones of up to 100 pairs, which lie far from each other.
struct NextSentenceMetrics {
    // How many pairs were measured.
    Index pairs = 0;
    // The share that is first, the mean of 1 / rank, where ties count as in the worst case; and the mean loss.
    double hits_at_1 = 0, mrr = 0, loss = 0;
    // What guessing would have of the first.
    double chance = 0;
};
// Measures the pairs.
[[nodiscard]] NextSentenceMetrics evaluate(const NextSentence& model, const SentencePairs& pairs);

// Files of models (train/checkpoint.hpp): /words and /parameters/vectors, which read_word_vectors() reads.
void save_next_sentence(const NextSentence& model, const std::filesystem::path& path);
std::unique_ptr<NextSentence> load_next_sentence(const std::filesystem::path& path);
// What other programs' files say of a model.
Metadata metadata_of(const NextSentence& model);

// Items are pairs. A validation has the score NextSentenceMetrics::hits_at_1. The model must outlive it.
class NextSentenceObjective : public Objective {
  public:
    // Throws Error for documents without a pair to learn from.
    NextSentenceObjective(NextSentence& model, const Collection& documents, const std::string& title);

    Parameters& parameters() override { return model_.parameters(); }
    Index items() const override { return training_.size(); }
    std::string noun() const override { return "sentence"; }
    Var loss(Tape& tape, std::span<const Index> items, Rng& rng) override {
        return model_.loss(tape, training_, items, rng);
    }
    bool can_validate() const override { return valid_.size() > 0; }
    Validation validate() override;
    void save(hdf5::Writer& file) const override;
    void load(const hdf5::Reader& file) override;
    std::string fingerprint(std::string_view like) const override;
    Description describe(const std::string& run_directory) const override;

  private:
    NextSentence& model_;
    std::string title_, hash_;
    SentencePairs training_, valid_;
};

}  // namespace kvmem::documents
