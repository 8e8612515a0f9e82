// The interface of models that answer questions from slots. Training, evaluation, files and answering use it alone.
//
// Letters: B questions, C candidates, S slots of the batch. Several threads may read a model, each with a tape of its
// own, while no thread trains or extends it.
#pragma once

#include "kvmem/autograd/tape.hpp"
#include "kvmem/io/onnx.hpp"
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

// A path through the facts of a memory, from an entity that the question names to an answer.
struct FactPath {
    // A relation that was followed.
    struct Step {
        // The relation in the vocabulary of the model.
        Token relation;
        Token entity;  // the object of the relation
        Real weight;   // of the relation, among all that the hop could follow
        Index hop;     // a hop that stays at its entity gives no step
    };
    // The first entity, the steps from it, and the weight of the whole path.
    Token start = unknown_token;
    std::vector<Step> steps;
    Real weight = 0;
};

// The attention weights of every hop and head, never averaged. A slot that a hop leaves out has weight 0. The weights
// of a hop need not sum to one: without a softmax (MemN2N's linear start) they are scores.
struct AttentionTrace {
    // The sizes of `weights`.
    Index hops = 0, heads = 0, slots = 0;
    std::vector<Real> weights;  // [hops, heads, slots of the batch]
    // For models that follow facts: the strongest path to each of a question's `max_paths` best answers, and the weight
    // of each of its tokens in each hop, [hops, tokens].
    Index max_paths = 1;
    std::vector<std::vector<FactPath>> paths;
    std::vector<std::vector<Real>> words;
    // For these models, how certain each question's best answer is, from 0 to 1: of its path's steps the smallest
    // product of the relation's weight and the attention of the hop on words that training saw.
    std::vector<double> certainty;

    void resize(Index new_hops, Index new_heads, Index new_slots);  // fills with zeros
    // The weights of one head in one hop, on all slots of the batch.
    std::span<Real> of(Index hop, Index head = 0);
    std::span<const Real> of(Index hop, Index head = 0) const;
};

// The lowest score of candidates that count as good as the best one: it means half of the best one's weight.
inline Real as_good_as(Real best) { return best - static_cast<Real>(std::numbers::ln2); }

// Gives the values of the parameter of this name.
using LoadParameter = std::function<Matrix(const std::string& name)>;

class Model {
  public:
    virtual ~Model() = default;

    // The settings that the model was made with.
    virtual Settings settings() const = 0;
    virtual std::string name() const = 0;     // "key-value memory network"
    virtual std::string summary() const = 0;  // "A KV-MemNN (Miller et al. 2016) of width 64 with 2 hop(s)"
    // The kind of the settings: "kv-mem-nn".
    std::string kind() const { return settings().kind(); }

    // The words and parameters of the model. References are valid for its life, but extend() changes what they hold.
    const Vocabulary& vocabulary() const { return lexicon_.vocabulary(); }
    std::span<const Token> candidates() const { return lexicon_.candidates(); }
    const Lexicon& lexicon() const { return lexicon_; }
    Parameters& parameters() { return *parameters_; }
    const Parameters& parameters() const { return *parameters_; }

    // How a Retriever finds the slots of a shared memory that a question reads.
    virtual RetrieverOptions retrieval() const { return {}; }

    // Whether batches should hold the questions of a story together (Batch::story_offsets), which saves work. The loss
    // and the scores of a question do not depend on it.
    virtual bool reads_stories() const { return false; }

    // The largest number of slots that a question reads: its last ones.
    virtual Index max_slots() const { return std::numeric_limits<Index>::max(); }

    // The sum of the batch's losses, [1, 1]. An example whose right answers are no candidates adds 0.
    virtual Var loss(Tape& tape, const Batch& batch, Rng& rng) const = 0;

    // Writes the scores of all candidates, [B, C] in the order of candidates(); their softmax is the answer's weights.
    // Fills `trace` if it is given. Throws Error when `scores` has another shape.
    virtual void score(Tape& tape, const Batch& batch, View scores, AttentionTrace* trace = nullptr) const = 0;

    // Whether only a few candidates of a question have scores, and all others share a lower one. score_few() gives
    // these in any order, for less than score() costs; for other models it gives all.
    virtual bool scores_few() const { return false; }
    virtual Ragged<Scored> score_few(Tape& tape, const Batch& batch, AttentionTrace* trace = nullptr) const;

    // An answer of less certainty (AttentionTrace) is none. Training calibrates it on validation; 0: all are answers.
    double min_certainty() const { return min_certainty_; }
    void set_min_certainty(double certainty) { min_certainty_ = certainty; }

    // Whether the model reads the spelling of unknown words (Batch::unseen).
    virtual bool reads_spelling() const { return false; }

    // The vectors of questions, or sentences, and of slots that the model compares and reads, a row for each. Throws
    // Error for a kind of model whose vectors depend on the rest of the batch.
    virtual Matrix encode_questions(const Ragged<Token>& questions) const;
    virtual SlotVectors encode_slots(const Slots& slots) const;

    // The network's graph for other programs, from tokens to the scores of score(). Throws Error for a kind of model
    // that has none.
    virtual std::vector<OnnxModel> onnx() const;

    // A model may train in several phases, each a network of its own over the same parameters. The trainer moves to the
    // next one when the loss stops falling. A model is in its last phase until set_phase().
    virtual Index phases() const { return 1; }
    virtual Index phase() const { return 0; }
    virtual void set_phase(Index) {}

    // Adds another data set's entities, and makes its candidates this model's; if its questions bring all slots that
    // they read, adds them to this model's. Gives the model's token for each token of the data set: unknown_token,
    // which is no candidate, for words and relations that the model does not know. Excludes all other use of the model.
    std::vector<Token> extend(const QaDataset& dataset);

    // Extends the model by a data set, and translates the data set into the model's tokens and vocabulary. Which words
    // are names or unknown is then the model's decision, so the same questions as texts get the same answers. A data
    // set of the model's own vocabulary stays as it is.
    void adopt(QaDataset& dataset);

  protected:
    // Takes the words and the candidates, which must rise. The derived class adds the parameters.
    Model(ModelWords words, std::vector<Token> candidates)
        : lexicon_(std::move(words.vocabulary), std::move(candidates), std::move(words.vectors)),
          parameters_(std::make_unique<Parameters>()) {}
    Model(Model&&) = default;

    // The two sides of one attention: a row for each question, and one for each slot.
    struct QueryKey {
        // The queries [B, d] and the keys [S, d].
        Var query, key;

        // Writes the weights of this attention, laid out as attend_weights() does. `bias` [S, 1] is added to scores.
        void write_weights(const Segments& segments, const AttendOptions& options, std::span<Real> weights,
                           ConstView bias = {}) const;
    };

    // Adds rows to tables after the vocabulary has grown.
    virtual void grow() = 0;
    // Adds the missing rows to a table with a row for each token. They are normal numbers drawn from the seed, `side`
    // and the token's text, so that an entity starts with the same row whenever it comes. The row of a word that has a
    // vector begins as a random projection of it, of the same deviation, and is frozen if the settings say so.
    void grow_table(Parameter& table, std::uint64_t side, double deviation, std::uint64_t seed,
                    const WordSettings& words = {}) const;
    // Fills every parameter. A parameter without rows is a table with a row for each token. Throws Error when a shape
    // does not fit.
    void load_parameters(const LoadParameter& load);
    // A random right answer of each example, by its number among the candidates or -1, and the numbers of its other
    // right answers: the arguments of cross_entropy() over all candidates.
    struct Targets {
        // Both have an entry for each example.
        std::vector<Index> candidate;
        Ragged<Index> others;
    };
    // Draws one right answer for each example.
    Targets choose_targets(const Batch& batch, Rng& rng) const;
    // The rows [C, d] of the candidates in a table [V, d].
    Var candidate_vectors(Tape& tape, const Parameter& table) const;
    // Writes scores [B, C]: the products of states [B, d] with the candidates' rows of a table [V, d].
    void score_candidates(ConstView states, const Parameter& table, View scores) const;

    // The words and the parameters, which derived classes fill.
    Lexicon lexicon_;
    std::unique_ptr<Parameters> parameters_;

  private:
    // The same for rows of words from `before` on, and for those that `frozen` does not name yet.
    void begin_as_vectors(Parameter& table, Index before, double deviation, std::uint64_t seed) const;
    void freeze_vectors(Parameter& table) const;

    double min_certainty_ = 0;
};

// Throws Error for a data set that this kind of model cannot read: one that follows facts needs a memory of facts that
// all questions share.
void require_readable(const Model& model, const QaDataset& dataset);

// Makes a model with parameters from `load`, or without it drawn from the settings' seed. Throws Error when a shape
// does not fit, and UsageError for settings of no model.
std::unique_ptr<Model> make_model(const Settings& settings, ModelWords words, std::vector<Token> candidates,
                                  const LoadParameter& load = {});

}  // namespace kvmem
