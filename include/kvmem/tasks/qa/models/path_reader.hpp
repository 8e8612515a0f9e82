// Path reader: follows relations from the entities that a question names, fact by fact, through the whole of a
// key-value memory.
//
// Letters: B questions, d width, R relations (those of the memory, and each read from object to subject), H hops. The
// keys of the memory are (subject, relation), its values objects. The state a_h holds weights of entities; a_0 holds
// those that the question names. Each hop attends over the question's words to choose relations, addresses the keys
// with the product of state and choice, and sums the values:
//
//     x_t = norm(w_t + relu(sum over o = -2..2 of W_o w_{t+o}))       w_t: the word's spelling, or a mark for a name
//     c_0 = mean of x_t        c_h = sum over t of s_ht ((1 - u_ht) x_t + u_ht n)
//     s_ht = softmax_t(Q_h c_{h-1} . K x_t / sqrt(d))        1 - u_ht = product over i < h of 1 - s_it
//     p_h = softmax over the relations and "stay" of U c_h
//     a_h[o] = sum over facts (s, r, o) of a_{h-1}[s] p_h[r]  +  a_{h-1}[o] p_h[stay]
//
// What earlier hops read of a word is nothing, n, to the next ones, so that no word is followed twice (coverage, Tu et
// al. 2016, arXiv 1601.04811, here of values).
//
// With word vectors, w_t is the sum of the word's spelling and V e_t, where e_t is the direction of its vector, which
// stays as it is. Training leaves out the spelling of some words, and reads a synonym in place of others: a word with a
// near vector, most of which no question of training has.
//
// (The sparse facts of Cohen et al. 2020, arXiv 2002.06115, eq. 1, followed as by Shi et al. 2021, "TransferNet", arXiv
// 2104.07302.) In a question of fewer hops the model learns to stay. Hops do not normalise the weights; the loss is
// -log of the share of all weight that lies on right answers at the end (answer_loss()). Answers are the only
// supervision. Weight that returns to a start of the question counts with a share g = sigmoid(returning): "films that
// share a director with X" excludes X.
//
// An answer's weight is that of its strongest path, and its score the log of it. So no number of weak paths outvotes
// one that fits, and the path explains the answer. Several such networks are trained side by side on the mean of their
// losses, and an answer's weight is the mean of theirs (deep ensembles, Lakshminarayanan et al. 2017, arXiv
// 1612.01474). Members err in phrasings of their own, so that the others outvote one that misreads a question.
#pragma once

#include "kvmem/kernels/paths.hpp"
#include "kvmem/nn/layers.hpp"
#include "kvmem/tasks/qa/model.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kvmem {
struct PathReaderConfig {
    static constexpr const char* kind = "path-reader";

    Index width = 64;      // d
    Index hops = 3;        // H
    Index members = 1;     // networks whose mean counts
    bool coverage = true;  // u_ht; else 0
    Index ngram_buckets = 8192;
    double word_dropout = 0.25;
    double word_deletion = 0;
    double synonyms = 0.25;
    double dropout = 0.2;
    double min_relation_weight = 1e-4;
    Index max_fanout = 16;  // facts of a key (subject, relation) that training reads; answers read all
    std::uint64_t seed = 1;
    std::filesystem::path vectors{};  // of word vectors that questions are read with; "": none

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("width", c.width, Range{1, 1024}, "of the embeddings");
        field("hops", c.hops, Range{1, 16}, "reads of the memory, at most");
        field("members", c.members, Range{1, 100}, "networks that are trained side by side, whose mean counts");
        field("coverage", c.coverage, "a word that a hop has read counts less to the next ones");
        field("ngram_buckets", c.ngram_buckets, Range{1, 1e6}, "rows that parts of words share", "spellings");
        field("word_dropout", c.word_dropout, Range::below(0, 1), "share of words read as unknown in training");
        field("word_deletion", c.word_deletion, Range::below(0, 1), "share of words left out in training");
        field("synonyms", c.synonyms, Range{0, 0.5},
              "with word vectors: share of words that training reads as others with near vectors, and as much again "
              "without their spelling");
        field("dropout", c.dropout, Range::below(0, 1),
              "share of the numbers by which hops choose relations that training leaves out");
        field("min_relation_weight", c.min_relation_weight, Range::below(0, 1),
              "training does not follow relations of less weight", "least");
        field("max_fanout", c.max_fanout, Range::from(0),
              "facts under one key that training reads, a random sample in each step; 0: all");
        field("seed", c.seed, "of every random choice");
        field("vectors", c.vectors);
    }
};

class PathReader : public Model {
  public:
    // Throws Error when a loaded shape does not fit.
    PathReader(const PathReaderConfig& config, ModelWords words, std::vector<Token> candidates,
               const LoadParameter& load = {});
    ~PathReader() override;

    // The settings that the model was made with.
    const PathReaderConfig& config() const { return config_; }
    Settings settings() const override { return config_; }
    std::string name() const override { return "path reader"; }
    std::string summary() const override;
    RetrieverOptions retrieval() const override { return {.strategy = Retrieval::whole, .hops = config_.hops}; }
    bool reads_spelling() const override { return true; }
    bool scores_few() const override { return true; }

    // All three throw Error for a batch without facts.
    Var loss(Tape& tape, const Batch& batch, Rng& rng) const override;
    void score(Tape& tape, const Batch& batch, View scores, AttentionTrace* trace = nullptr) const override;
    Ragged<Scored> score_few(Tape& tape, const Batch& batch, AttentionTrace* trace = nullptr) const override;

  private:
    // Rows of the table of spellings.
    static constexpr Token entity_mark = 0, unknown_mark = 1, first_spelling = 2;

    struct Member;   // a network of the mean
    struct Hop;      // what it chooses
    struct Reading;  // of a question by a member
    struct Found;    // an answer that members reach
    // The words of all questions as input of the encoder.
    struct Words {
        Ragged<Token> bags;             // the rows of the table of spellings of each word
        std::vector<Index> offsets{0};  // question i is words [offsets[i], offsets[i + 1])
        std::vector<Index> token;       // the place of each word in Batch::question.values
        std::vector<Real> directions;   // of each word's vector, one after the other, where there are vectors
    };
    bool is_entity(Token token) const { return vocabulary().kind(token) == TokenKind::entity; }
    // A generator removes some words and makes others unknown.
    Words words_of(const Batch& batch, Rng* rng) const;
    void append_word(Words& words, Token token, const std::string* unseen, Rng* rng) const;
    void append_direction(Words& words, Token token, const std::string* unseen, bool synonym, Rng* rng) const;
    void find_synonyms();
    Ragged<Token> starts_of(const Batch& batch) const;
    std::vector<Found> found_by(std::span<const Reading> readings) const;
    static std::vector<Real> words_read(const Batch& batch, const Words& words, std::span<const Hop> hops,
                                        Index question);
    FactPath path_to(Index place, const Reading& reading) const;
    double certainty_of(Token answer, std::span<const Token> question, const Reading& reading) const;
    void explain(AttentionTrace& trace, std::size_t question, std::span<const Token> tokens,
                 std::span<const Found> found, std::span<const Reading> readings) const;
    void grow() override;

    PathReaderConfig config_;
    std::vector<Token> relation_tokens_;  // by number
    std::vector<Member> members_;
    Ragged<Token> spelling_;         // of each token
    std::vector<Index> vector_row_;  // of each token; -1: none
    Ragged<Index> synonyms_;         // of each token of training, or empty: rows of vectors
};

}  // namespace kvmem
