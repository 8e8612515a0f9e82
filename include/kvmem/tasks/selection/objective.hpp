// What training knows of models that choose sentences (train/objective.hpp).
#pragma once

#include "kvmem/tasks/selection/model.hpp"
#include "kvmem/train/objective.hpp"

#include <vector>

namespace kvmem {

// Items are training questions that have right and wrong candidates. A validation ranks those of the validation split
// with right ones; its score is right_weight(), and its loss 1 - MAP. Model and data must outlive it.
class SelectionObjective : public Objective {
  public:
    // Throws Error without a question to learn from.
    SelectionObjective(SelectionModel& model, const SentencesDataset& dataset);

    Parameters& parameters() override { return model_.parameters(); }
    Index items() const override { return std::ssize(training_); }
    Index size(Index item) const override { return std::ssize(training_[item].words.values); }
    std::string noun() const override { return "question"; }
    Var loss(Tape& tape, std::span<const Index> items, Rng& rng) override;
    bool can_validate() const override { return !valid_.empty(); }
    Validation validate() override;
    void save(hdf5::Writer& file) const override;
    void load(const hdf5::Reader& file) override;
    std::string fingerprint(std::string_view like) const override;
    Description describe(const std::string& run_directory) const override;

  private:
    SelectionModel& model_;
    const SentencesDataset& dataset_;
    std::vector<ReadQuestion> training_, valid_;
    std::vector<SelectionQuestion> valid_questions_;
};

}  // namespace kvmem
