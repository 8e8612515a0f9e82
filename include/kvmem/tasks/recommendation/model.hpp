// The interface of models that recommend. Training, files, evaluation and Recommender use it alone.
//
// A model gives every item of one group a score for a history: the higher, the sooner the user will take it. Several
// threads may read a model while no thread trains it or changes its memory.
#pragma once

#include "kvmem/autograd/tape.hpp"
#include "kvmem/core/ragged.hpp"
#include "kvmem/core/rng.hpp"
#include "kvmem/io/onnx.hpp"
#include "kvmem/tasks/recommendation/event_memory.hpp"
#include "kvmem/tasks/recommendation/selection.hpp"
#include "kvmem/train/settings.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// What a model knows of a data set besides its events.
struct Catalog {
    // As those of EventsDataset.
    std::vector<Feature> features;
    std::vector<ObjectGroup> groups;
    std::vector<std::string> actions;
    Index group = 0;  // whose objects are recommended, the items

    // The items, and their number.
    const ObjectGroup& objects() const { return groups[group]; }
    Index items() const { return objects().size(); }
    // Whether all contents are equal.
    bool operator==(const Catalog&) const = default;
};
// That of a data set. The objects are recommended of the group with the most events for training.
[[nodiscard]] Catalog catalog_of(const EventsDataset& dataset);

// A part of a user's events for training. Events [first, end) are read, and those of [begin, end) that are items and
// marked for training are targets. The history of a target ends before its basket.
struct Window {
    // Numbers of events.
    Index first, begin, end;
};

// How a model is trained: `never` has no parameters, `each` reads the history of one target at a time, and `causal`
// reads the histories of all targets of a window in one pass.
enum class Training { never, each, causal };

// What a score rests on: the weight of each event of a history. A row is named, such as "head 1".
struct Explanation {
    // A name and a row of weights for each of what the score rests on.
    std::vector<std::string> names;
    Matrix weights;  // [names, events]; events are numbered from History::first
};

// What was done before a score is wanted, and which items it is wanted of.
struct Candidates {
    // The histories, and the items of each.
    std::span<const History> histories;
    RaggedView<Token> items;  // a row for each history
};

// Scores items for histories. Training, evaluation and recommending use it alone. Several threads may score at once,
// while none trains the model or calls remember().
class RecommendationModel {
  public:
    virtual ~RecommendationModel() = default;

    // The settings that the model was made with.
    virtual Settings settings() const = 0;
    virtual std::string name() const = 0;     // "item k-nearest-neighbours"
    virtual std::string summary() const = 0;  // "Self-attention (SASRec) of width 64"

    // What it knows of items, and its parameters. The references are valid for the life of the model.
    const Catalog& catalog() const { return catalog_; }
    Parameters& parameters() { return parameters_; }
    const Parameters& parameters() const { return parameters_; }

    // The memory that scores are read from, which must outlive the model's use; its items are those of the catalog.
    // Models without one ignore it. Not beside other calls.
    virtual void remember(const EventMemory& /*memory*/) {}

    // The scores of all items: [histories, items]. Each is finite, and its bits do not depend on the other histories.
    // A history's events are numbered as the catalog's objects are.
    virtual void score(std::span<const History> histories, View scores) const = 0;
    // The scores of some items for each history, in the order of candidates.items.values.
    virtual void score(const Candidates& candidates, std::span<Real> scores) const;
    // What the score of an item rests on. Without weights where a model has none.
    virtual Explanation explain(const History& /*history*/, Token /*item*/) const { return {}; }

    // Of a model whose score is an inner product of a history's vector with an item's: the vectors of all items, and of
    // histories, [rows, width + 1]. The last numbers are the items' biases, and 1. So a store of the items finds what
    // the model recommends. Throw Error for other models.
    virtual Matrix item_vectors() const;
    virtual Matrix history_vectors(std::span<const History> histories) const;

    // The graphs that other programs compute its scores with. Throws Error, because no model has any yet.
    std::vector<OnnxModel> onnx() const;

    // How it is trained, and how many events of a history it reads at most.
    virtual Training training() const { return Training::never; }
    virtual Index max_history() const { return 0; }
    virtual Selection selection() const { return {}; }
    // Whether events of all groups are targets of training, not items alone.
    virtual bool trains_all_groups() const { return false; }
    // The sum of the losses of the windows' targets that have a history, [1, 1], on a tape that trains. The negatives
    // of a target are drawn from `rng`, or from its number alone. Not changed by it: several threads may call it.
    virtual Var loss(Tape& tape, const Events& events, std::span<const Window> windows, Rng& rng) const;

  protected:
    // The derived class adds the parameters, which begin as `start` says.
    RecommendationModel(Catalog catalog, Start start) : parameters_(start), catalog_(std::move(catalog)) {}

    // The parameters, which the constructor of a derived class fills.
    Parameters parameters_;

  private:
    Catalog catalog_;
};

// Makes a model with its first parameters, drawn from the settings' seed unless they are to be read from a file. Throws
// UsageError for settings of no model, and Error for a catalog without items.
std::unique_ptr<RecommendationModel> make_recommendation_model(const Settings& settings, Catalog catalog,
                                                               Start start = Start::drawn);

}  // namespace kvmem
