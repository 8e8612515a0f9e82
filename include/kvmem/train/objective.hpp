// The interface between a network with its data and the training loop.
//
// To train a network of your own, derive from Objective. Its parameters, the number of items and their loss are enough
// for a Trainer (train/trainer.hpp). Validation, early stopping on a score, phases and model files need the other
// functions, which have defaults. A TaskType (train/task_type.hpp) makes objectives from settings; with it, run
// directories and groups of runs work, too. tests/consume/own_task.cpp is a whole example.
#pragma once

#include "kvmem/autograd/tape.hpp"
#include "kvmem/core/rng.hpp"

#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvmem {

namespace hdf5 {
class Reader;
class Writer;
}  // namespace hdf5

// The number of a validation that selects the best model.
struct ScoreType {
    // Names of one score.
    std::string name = "score";   // in files and curves: "hits_at_1"
    std::string label = "score";  // in texts: "hits@1"
    // Otherwise the lowest score is the best.
    bool higher_is_better = true;
    bool is_share = false;  // The score is from 0 to 1, and texts show it as a percentage.

    // Whether a validation may give this score, and whether one score is better than another.
    bool is_possible(double score) const { return std::isfinite(score) && (!is_share || (score >= 0 && score <= 1)); }
    bool is_better(double score, double other) const { return higher_is_better ? score > other : score < other; }
};

// What Objective::validate() measured.
struct Validation {
    // The number of examples.
    Index examples = 0;
    double loss = 0;                                       // mean over the examples
    double score = 0;                                      // of the trainer's ScoreType
    std::vector<std::pair<std::string, double>> others{};  // further scores by name, for metrics.jsonl and curves
};

// Texts about a run, for its model card and for the first line of a training.
struct Description {
    std::string title{};    // "Path reader: MetaQA"
    std::string summary{};  // "A path reader of width 64": begins "... and 1234 parameters, made by `kvmem train`."
    std::string about{};    // sentences, in Markdown
    std::vector<std::pair<std::string, std::string>> facts{};  // rows of a table: "source", "Wikidata"
    std::vector<std::pair<std::string, Index>> counts{};       // a singular noun and a number: "training question", 100
    std::string use{};                                         // a sentence, in Markdown: how to use the run
};

class Objective {
  public:
    virtual ~Objective() = default;

    // The parameters to train. The reference stays valid, and the list of parameters the same, for the object's life.
    virtual Parameters& parameters() = 0;

    // The number of items, at least 1. Training shuffles items and cuts them into batches. An item may hold several
    // examples, as a story holds questions; losses are means over examples. Reports call an example by its noun.
    virtual Index items() const = 0;
    virtual Index examples(Index /*item*/) const { return 1; }
    virtual std::string noun() const { return "example"; }
    // The size of an item, 0 or more, such as its number of symbols. TrainerOptions::max_batch_size limits the sum of a
    // batch, and the parts of a batch that run at once have about equal sums.
    virtual Index size(Index /*item*/) const { return 1; }

    // Runs the forward pass of `items`, numbers from 0 to items() - 1, on the tape. Returns the sum of the losses of
    // their examples, [1, 1]. The trainer calls it on several threads at once, with a tape and a generator for each,
    // so it must not change the object. All random choices must come from `rng` or the tape: then training is
    // bit-reproducible.
    virtual Var loss(Tape& tape, std::span<const Index> items, Rng& rng) = 0;

    // Measures the model on validation data. The trainer calls it after each epoch, on one thread, if can_validate().
    virtual bool can_validate() const { return false; }
    virtual Validation validate() { return {}; }

    // Called after a validation, or an epoch without one, whose parameters are the best so far.
    virtual void note_best() {}

    // Prepares an epoch, numbered from 0. An objective with groups of examples may draw its items anew, with items()
    // unchanged, from the number of wrong examples in each group at the last validation. The trainer reads
    // errors_by_group() after each validation and saves it in checkpoints.
    virtual void begin_epoch(Index /*epoch*/, std::span<const Index> /*errors_by_group*/, Rng /*rng*/) {}
    virtual std::vector<Index> errors_by_group() const { return {}; }

    // The number of phases: networks over the same parameters, trained one after the other. set_phase() selects the
    // one that loss() and validate() use, from 0.
    virtual Index phases() const { return 1; }
    virtual void set_phase(Index) {}

    // Writes what a model file holds beside the parameters, such as settings and a vocabulary. load() checks that a
    // file holds the same, and throws Error when it does not.
    virtual void save(hdf5::Writer&) const {}
    virtual void load(const hdf5::Reader&) {}

    // A hash of all data that training reads; "" means that none is known. A run resumes only with the same hash.
    // `like` is the hash that the run began with, or "": an older kind of hash must be computed in its own way.
    virtual std::string fingerprint(std::string_view /*like*/) const { return {}; }

    // `run_directory` is how a command line names the run.
    virtual Description describe(const std::string& /*run_directory*/) const { return {}; }
};

}  // namespace kvmem
