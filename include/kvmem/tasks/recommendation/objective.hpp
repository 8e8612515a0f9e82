// What training knows of models that recommend (train/objective.hpp).
#pragma once

#include "kvmem/tasks/recommendation/evaluate.hpp"
#include "kvmem/tasks/recommendation/model.hpp"
#include "kvmem/train/objective.hpp"

#include <vector>

namespace kvmem {

// Items are windows of users' events, and their examples are targets marked for training that have a history. The
// model's memory is that of the training events. A validation ranks all items for queries of the validation split, as
// usual_evaluation() says, or draws negatives for the AUC; its score is what Selection chooses, and its loss the
// share of pairs of a target and another item in the wrong order, 1 - AUC. Model and data must
// outlive it.
class RecommendationObjective : public Objective {
  public:
    // Throws Error when the model is to be trained and no target has a history.
    RecommendationObjective(RecommendationModel& model, const EventsDataset& dataset);

    Parameters& parameters() override { return model_.parameters(); }
    Index items() const override;
    Index examples(Index item) const override { return windows_.empty() ? 1 : targets_[item]; }
    Index size(Index item) const override;
    std::string noun() const override { return "target"; }
    Var loss(Tape& tape, std::span<const Index> items, Rng& rng) override;
    bool can_validate() const override { return !queries_.empty(); }
    Validation validate() override;
    void save(hdf5::Writer& file) const override;
    void load(const hdf5::Reader& file) override;
    std::string fingerprint(std::string_view like) const override;
    Description describe(const std::string& run_directory) const override;

  private:
    void add_windows(Index user);
    void add_window(const Window& window);

    RecommendationModel& model_;
    const EventsDataset& dataset_;
    EventMemory memory_;  // of the training events
    EvaluationOptions options_;
    std::vector<RankingQuery> queries_;  // of validations
    std::vector<Window> windows_;
    std::vector<Index> targets_;  // the number of each window
};

}  // namespace kvmem
