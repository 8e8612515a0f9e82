// A model that answers questions, with its data, as the trainer wants them.
#pragma once

#include "kvmem/tasks/qa/evaluate.hpp"
#include "kvmem/train/objective.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// How often an epoch takes the stories of each of the data set's tasks.
struct TaskBalance {
    bool balanced = false;  // those of tasks that have fewer than others come more than once
    bool focused = false;   // those of tasks with errors in the last validation come more often
};

// Items are stories, or questions where a model reads these one by one. The score is hits@1.
class QaObjective : public Objective {
  public:
    // Both must outlive it. Throws Error when the data set has no training split.
    QaObjective(Model& model, const QaDataset& dataset, TaskBalance balance = {});

    const Model& model() const { return model_; }
    const QaDataset& dataset() const { return dataset_; }

    Parameters& parameters() override { return model_.parameters(); }
    Index items() const override { return std::ssize(items_); }
    Index examples(Index item) const override;
    std::string noun() const override { return "question"; }
    Var loss(Tape& tape, std::span<const Index> items, Rng& rng) override;
    bool can_validate() const override { return valid_ != nullptr; }
    Validation validate() override;
    std::vector<Index> errors_by_group() const override { return errors_; }
    void begin_epoch(Index epoch, std::span<const Index> errors_by_group, Rng rng) override;
    Index phases() const override { return model_.phases(); }
    void set_phase(Index phase) override { model_.set_phase(phase); }
    void save(hdf5::Writer& file) const override;
    void load(const hdf5::Reader& file) override;
    std::string fingerprint(std::string_view like) const override;
    Description describe(const std::string& run_directory) const override;

    // Of this task, in the epoch under way.
    Index items_of(Index task) const;

  private:
    void repeat_small_tasks();
    std::size_t task_of(Index story) const;

    Model& model_;
    const QaDataset& dataset_;
    TaskBalance balance_;
    const Split& train_;
    const Split* valid_ = nullptr;
    Retriever retriever_;
    std::vector<Index> stories_;   // offsets of the stories, or the questions, in the training split
    std::vector<Index> all_;       // which of these an epoch is made of
    std::vector<Index> items_;     // ... the one under way
    std::vector<Index> examples_;  // of each task, questions for validation; empty without tasks or focus
    std::vector<Index> errors_;    // ... answered wrong
};

// A hash of all that training reads, behind the version of what that is: "2-0123456789abcdef". Like a hash of before,
// which names no version, it says nothing of tasks and supporting slots.
std::string content_hash_of(const QaDataset& dataset, std::string_view like = "2-");

}  // namespace kvmem
