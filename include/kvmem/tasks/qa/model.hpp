// What every model that answers questions from slots can do: training, evaluation, files and answering know no more.
//
// Letters: B questions, C candidates, S slots of the batch. Reading is safe from several threads, each with a tape
// of its own, as long as nobody trains or extends the model.
#pragma once

#include "kvmem/autograd/tape.hpp"
#include "kvmem/kernels/top_k.hpp"
#include "kvmem/tasks/qa/batch.hpp"
#include "kvmem/tasks/qa/lexicon.hpp"
#include "kvmem/train/settings.hpp"

#include <functional>
#include <limits>
#include <memory>
#include <numbers>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// A path through the facts of a memory, from an entity that the question names: what one answer was read by.
struct FactPath {
    struct Step {
        Token relation;  // that was followed
        Token entity;    // that it led to
        Real weight;     // of the relation
        Index hop;       // in which it was followed: hops that stay where they are give no step
    };
    Token start = unknown_token;
    std::vector<Step> steps;
    Real weight = 0;
};

// How much of each slot every hop and head read: never averaged. A slot that was not looked at has weight 0. What a
// hop reads need not sum to one: a model without a softmax (MemN2N's linear start) has scores for weights.
struct AttentionTrace {
    Index hops = 0, heads = 0, slots = 0;
    std::vector<Real> weights;  // [hops, heads, slots of the batch]
    // Of a model that follows facts, for each question: the strongest path to each of its best answers, and how much
    // each hop read of each of the question's tokens, [hops, tokens].
    Index max_paths = 1;
    std::vector<std::vector<FactPath>> paths;
    std::vector<std::vector<Real>> words;

    void resize(Index new_hops, Index new_heads, Index new_slots);  // to zeros
    std::span<Real> of(Index hop, Index head = 0);
    std::span<const Real> of(Index hop, Index head = 0) const;
};

// Candidates with this score or more are as good as the best one: they have at least half of its weight.
inline Real as_good_as(Real best) { return best - static_cast<Real>(std::numbers::ln2); }

using LoadParameter = std::function<Matrix(const std::string& name)>;

class Model {
  public:
    virtual ~Model() = default;

    virtual Settings settings() const = 0;
    virtual std::string name() const = 0;     // "key-value memory network"
    virtual std::string summary() const = 0;  // "A KV-MemNN (Miller et al. 2016) of width 64 with 2 hop(s)"
    std::string kind() const { return settings().kind(); }

    const Vocabulary& vocabulary() const { return lexicon_.vocabulary(); }
    std::span<const Token> candidates() const { return lexicon_.candidates(); }
    Parameters& parameters() { return *parameters_; }
    const Parameters& parameters() const { return *parameters_; }

    // How the slots of a shared memory are found that a question reads.
    virtual RetrieverOptions retrieval() const { return {}; }

    // Whether batches should keep the questions of a story together (Batch::story_offsets). The loss and the scores of
    // a question do not depend on it.
    virtual bool reads_stories() const { return false; }

    // How many slots of a question it reads at most: the last ones.
    virtual Index max_slots() const { return std::numeric_limits<Index>::max(); }

    // The sum of the batch's losses. Examples without a right answer that is a candidate count nothing. [1, 1]
    virtual Var loss(Tape& tape, const Batch& batch, Rng& rng) const = 0;

    // Scores of all candidates: [B, C] in the order of candidates(). Their softmax are the answer's weights. Fills
    // `reads` when it is given. Throws Error when scores have another shape.
    virtual void score(Tape& tape, const Batch& batch, View scores, AttentionTrace* trace = nullptr) const = 0;

    // Whether a question's score is that of few candidates, and all others share a lower one: score_few() then gives
    // these, in any order, for less than it would cost to write all scores down.
    virtual bool scores_few() const { return false; }
    virtual Ragged<Scored> score_few(Tape& tape, const Batch& batch, AttentionTrace* trace = nullptr) const;

    // Whether questions' unknown words mean something by their spelling (Batch::unseen).
    virtual bool reads_spelling() const { return false; }

    // Questions, or sentences, and slots as the vectors that the model compares and reads: a row for each. Throws Error
    // when this kind of model has none that do not depend on what else is read.
    virtual Matrix encode_questions(const Ragged<Token>& questions) const;
    virtual SlotVectors encode_slots(const Slots& slots) const;

    // A model may be trained in several phases, each a network of its own over the same parameters; the trainer
    // goes on to the next when the loss stops falling. A model stands in its last phase unless told otherwise.
    virtual Index phases() const { return 1; }
    virtual Index phase() const { return 0; }
    virtual void set_phase(Index) {}

    // Takes another data set's entities in and makes its candidates this model's, or, if its questions bring all slots
    // that they read, adds them to this model's. Returns the model's token for each of the data set's; words and
    // relations that the model does not know become unknown_token, which is no candidate.
    std::vector<Token> extend(const QaDataset& dataset);

    // Extends the model by a data set and turns all of it into this model's tokens, its vocabulary too. The model says
    // which words are names and which are unknown, not the data set: its answers are those that the same questions get
    // as texts. A data set of the model's own vocabulary stays as it is.
    void adopt(QaDataset& dataset);

  protected:
    Model(Vocabulary vocabulary, std::vector<Token> candidates)
        : lexicon_(std::move(vocabulary), std::move(candidates)), parameters_(std::make_unique<Parameters>()) {}
    Model(Model&&) = default;

    // What one attention compares: a row for each question, and one for each slot.
    struct QueryKey {
        Var query, key;
    };

    // The vocabulary has more tokens than before: tables need more rows.
    virtual void grow() = 0;
    // Gives a table with a row for each token the rows that it lacks: normal numbers drawn from the seed, `side` and
    // the token's text, so that an entity that comes later has what it would have begun with.
    void grow_table(Parameter& table, std::uint64_t side, double deviation, std::uint64_t seed) const;
    // Fills every parameter. A parameter without rows is a table with a row for each token. Throws Error when a
    // shape does not fit.
    void load_parameters(const LoadParameter& load);
    // One right answer of each example, chosen at random, by its number among the candidates (-1: there is none), and
    // the numbers of the others: what cross_entropy() takes when all candidates have scores.
    struct Targets {
        std::vector<Index> candidate;
        Ragged<Index> others;
    };
    Targets choose_targets(const Batch& batch, Rng& rng) const;
    // The candidates' rows of a table [V, d]: [C, d].
    Var candidate_vectors(Tape& tape, const Parameter& table) const;
    // scores [B, C] = states [B, d] times the candidates' rows of a table [V, d].
    void score_candidates(ConstView states, const Parameter& table, View scores) const;

    Lexicon lexicon_;
    std::unique_ptr<Parameters> parameters_;
};

// With `load`, parameters are what it returns for each of them; otherwise drawn from the settings' seed. Throws Error
// when a shape does not fit, and UsageError for settings of no model.
std::unique_ptr<Model> make_model(const Settings& settings, Vocabulary vocabulary, std::vector<Token> candidates,
                                  const LoadParameter& load = {});

}  // namespace kvmem
