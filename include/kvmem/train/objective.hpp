// What is trained: all that the trainer, run directories, groups and checkpoints know of a model and its data.
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

// What selects the best model.
struct ScoreType {
    std::string name = "score";   // in files and curves: "hits_at_1"
    std::string label = "score";  // for people: "hits@1"
    bool higher_is_better = true;
    bool is_share = false;  // from 0 to 1; people read per cents

    bool is_possible(double score) const { return std::isfinite(score) && (!is_share || (score >= 0 && score <= 1)); }
    bool is_better(double score, double other) const { return higher_is_better ? score > other : score < other; }
};

struct Validation {
    Index examples = 0;
    double loss = 0;                                       // a mean over examples
    double score = 0;                                      // of the type that the trainer was given
    std::vector<std::pair<std::string, double>> others{};  // are reported, too, by their names
};

// What people read about a run: in its model card and in the first line of a training.
struct Description {
    std::string title, summary, about;                       // "Path reader: MetaQA", "A path reader of ...", sentences
    std::vector<std::pair<std::string, std::string>> facts;  // rows of a table: "source", "Wikidata"
    std::vector<std::pair<std::string, Index>> counts;       // of things by their noun: "training question"
    std::string use;                                         // a sentence that says what to do with the run
};

class Objective {
  public:
    virtual ~Objective() = default;
    virtual Parameters& parameters() = 0;

    // Items are what is shuffled and put in batches, such as a story with all that is asked about it. What is counted
    // in reports are examples, called by their noun: "question".
    virtual Index items() const = 0;
    virtual Index examples(Index /*item*/) const { return 1; }
    virtual std::string noun() const { return "example"; }

    // The sum of the losses of these items' examples, [1, 1]. The trainer calls it on several threads at once, each
    // with a tape and a generator of its own.
    virtual Var loss(Tape& tape, std::span<const Index> items, Rng& rng) = 0;

    // Whether there is data for validate(), which is called after each epoch.
    virtual bool can_validate() const { return false; }
    virtual Validation validate() { return {}; }

    // Begins an epoch. An objective whose examples come in groups may draw its items anew, as many as before, by how
    // many examples of each group the last validation found wrong: what errors_by_group() said then.
    virtual void begin_epoch(Index /*epoch*/, std::span<const Index> /*errors_by_group*/, Rng /*rng*/) {}
    virtual std::vector<Index> errors_by_group() const { return {}; }

    // Networks over the same parameters that are trained one after the other.
    virtual Index phases() const { return 1; }
    virtual void set_phase(Index) {}

    // Writes what a model file holds beside parameters, such as settings and a vocabulary, and checks that a file is of
    // the same. load() throws Error when it is not.
    virtual void save(hdf5::Writer&) const {}
    virtual void load(const hdf5::Reader&) {}

    // A hash of all data that training reads: a run is not resumed with other data. `like` is the hash that a run began
    // with, perhaps of an older kind, or empty.
    virtual std::string fingerprint(std::string_view /*like*/) const { return {}; }
    virtual Description describe(const std::string& /*run_directory*/) const { return {}; }
};

}  // namespace kvmem
