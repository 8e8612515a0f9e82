// A model with its data as the trainer wants them.
#pragma once

#include "kvmem/train/trainer.hpp"

#include <string>
#include <string_view>
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
    Metrics validate() override;
    std::vector<Index> wrong() const override { return wrong_; }
    void draw(std::span<const Index> wrong, Rng rng) override;
    // Of this task, in the epoch under way.
    Index units_of(Index task) const;
    Index phases() const override { return model_.phases(); }
    void set_phase(Index phase) override { model_.set_phase(phase); }

  private:
    void balance();
    std::size_t task_of(Index story) const;

    Model& model_;
    const QaDataset& dataset_;
    const Split& train_;
    const Split* valid_ = nullptr;
    Retriever retriever_;
    std::vector<Index> stories_;  // offsets of the stories, or the questions, in the training split
    std::vector<Index> all_;      // which of these an epoch is made of
    std::vector<Index> units_;    // ... the one under way
    std::vector<Index> asked_;    // of each task, questions for validation; empty without tasks
    std::vector<Index> wrong_;    // ... answered wrong
};

// Of all that training looks at, behind the version of what that is: "2-0123456789abcdef". Like a hash of before, which
// names no version, it says nothing of tasks and supporting slots.
std::string content_hash_of(const QaDataset& dataset, std::string_view like = "2-");

}  // namespace kvmem
