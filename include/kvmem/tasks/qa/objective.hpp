// The objective of training a model that answers questions.
#pragma once

#include "kvmem/tasks/qa/evaluate.hpp"
#include "kvmem/train/objective.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

class Paraphrases;

// What an epoch asks.
struct QaEpoch {
    bool balanced = false;   // repeats the stories of tasks with fewer questions than others
    bool focused = false;    // takes tasks with errors in the last validation more often
    double paraphrased = 0;  // share of the questions about facts that are asked in a random phrasing of their meaning
};

// Items are stories, or single questions for a model that does not read stories. The score is hits@1. One thread uses
// an objective at a time.
class QaObjective : public Objective {
  public:
    // Model and data set must outlive the objective. Throws Error when the data set has no training split.
    QaObjective(Model& model, const QaDataset& dataset, const QaEpoch& epoch = {});

    ~QaObjective() override;

    // What the objective was made of.
    const Model& model() const { return model_; }
    const QaDataset& dataset() const { return dataset_; }

    Parameters& parameters() override { return model_.parameters(); }
    Index items() const override { return std::ssize(items_); }
    Index examples(Index item) const override;
    std::string noun() const override { return "question"; }
    Var loss(Tape& tape, std::span<const Index> items, Rng& rng) override;
    bool can_validate() const override { return valid_ != nullptr; }
    // Also finds the certainty that answers need: 95 % of the answerable questions reach it, and it is at most 0.15.
    Validation validate() override;
    // Gives the model the certainty of the last validation.
    void note_best() override { model_.set_min_certainty(certainty_); }
    std::vector<Index> errors_by_group() const override { return errors_; }
    void begin_epoch(Index epoch, std::span<const Index> errors_by_group, Rng rng) override;
    Index phases() const override { return model_.phases(); }
    void set_phase(Index phase) override { model_.set_phase(phase); }
    void save(hdf5::Writer& file) const override;
    void load(const hdf5::Reader& file) override;
    std::string fingerprint(std::string_view like) const override;
    Description describe(const std::string& run_directory) const override;

    // The items of a task in the current epoch.
    Index items_of(Index task) const;

  private:
    void repeat_small_tasks();
    void find_paraphrases();
    Index task_of(Index story) const;

    Model& model_;
    const QaDataset& dataset_;
    QaEpoch epoch_;
    const Split& train_;
    const Split* valid_ = nullptr;
    Retriever retriever_;
    std::unique_ptr<const Paraphrases> paraphrases_;  // null: questions stay as they are
    std::vector<Index> stories_;                      // offsets of the stories, or questions, in the training split
    std::vector<Index> all_;                          // the stories of an epoch, repeated as QaEpoch says
    std::vector<Index> items_;                        // those of the current epoch
    std::vector<Index> examples_;                     // validation questions of each task; empty without tasks or focus
    std::vector<Index> errors_;                       // wrong answers of each task
    double certainty_ = 0;                            // that answers need, by the last validation
};

// The hash of all that training reads, behind the version of its definition: "2-0123456789abcdef". With a hash of
// before versions as `like`, the result leaves tasks and supporting slots out as that hash does.
std::string content_hash_of(const QaDataset& dataset, std::string_view like = "2-");

}  // namespace kvmem
