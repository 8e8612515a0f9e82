// A model with its data as the trainer wants them.
#pragma once

#include "kvmem/train/trainer.hpp"

#include <string>
#include <vector>

namespace kvmem {

// Both must outlive it. Throws Error when the data set has no training split.
class QaTask : public Task {
  public:
    // Balanced, the stories of tasks that have fewer than others come more than once.
    QaTask(Model& model, const QaDataset& dataset, bool balanced = false);

    Parameters& parameters() override { return model_.parameters(); }
    Index units() const override { return std::ssize(units_); }
    Index questions(Index unit) const override;
    Var loss(Tape& tape, std::span<const Index> units, Rng& rng) override;
    bool can_validate() const override { return valid_ != nullptr; }
    Metrics validate() override { return evaluate(model_, dataset_, *valid_, retriever_); }
    Index phases() const override { return model_.phases(); }
    void set_phase(Index phase) override { model_.set_phase(phase); }

  private:
    void balance();

    Model& model_;
    const QaDataset& dataset_;
    const Split& train_;
    const Split* valid_ = nullptr;
    Retriever retriever_;
    std::vector<Index> stories_;  // offsets of the stories, or the questions, in the training split
    std::vector<Index> units_;    // which of these each unit is
};

// Of all that training looks at.
std::string content_hash_of(const QaDataset& dataset);

}  // namespace kvmem
