#include "kvmem/tasks/sequences/task_type.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/sequences/models/recurrent_text.hpp"
#include "kvmem/tasks/sequences/objective.hpp"
#include "kvmem/tasks/sequences/tasks.hpp"

namespace kvmem {

// The pairs of the tasks that a run trains on.
static PairsDataset pairs_of(const RunConfig& config) {
    PairsDataset dataset = load_pairs(config.data);
    keep_tasks(dataset, config.tasks);
    return dataset;
}

namespace {

struct NetworkAndPairs {
    PairsDataset dataset;
    std::unique_ptr<SequenceNetwork> network;

    explicit NetworkAndPairs(const RunConfig& config)
        : dataset(pairs_of(config)), network(make_sequence_network(config.model, {dataset.source, dataset.target})) {}
};
class OwningPairsObjective final : private NetworkAndPairs, public PairsObjective {
  public:
    explicit OwningPairsObjective(const RunConfig& config)
        : NetworkAndPairs(config), PairsObjective(*NetworkAndPairs::network, NetworkAndPairs::dataset) {}
};

struct NetworkAndText {
    TextDataset dataset;
    std::unique_ptr<SequenceNetwork> network;

    explicit NetworkAndText(const RunConfig& config)
        : dataset(load_text(config.data)), network(make_sequence_network(config.model, {Units(), dataset.units})) {}
    TextNetwork& text_network() { return dynamic_cast<TextNetwork&>(*network); }
};
class OwningTextObjective final : private NetworkAndText, public TextObjective {
  public:
    explicit OwningTextObjective(const RunConfig& config)
        : NetworkAndText(config), TextObjective(text_network(), NetworkAndText::dataset) {}
};

class SequenceTransduction final : public TaskType {
  public:
    std::string name() const override { return "sequence transduction"; }
    std::vector<const ModelType*> models() const override { return transduction_models(); }
    ScoreType score() const override { return {.name = "exact_match", .label = "exact match", .is_share = true}; }
    std::unique_ptr<Objective> make_objective(const RunConfig& config) const override {
        return std::make_unique<OwningPairsObjective>(config);
    }
    std::vector<std::string> parts(const RunConfig& config) const override {
        const PairsDataset dataset = load_pairs(config.data);
        dataset.split("train");
        return task_names(dataset, config.tasks);
    }
};

class LanguageModelling final : public TaskType {
  public:
    std::string name() const override { return "language modelling"; }
    std::vector<const ModelType*> models() const override { return text_models(); }
    ScoreType score() const override {
        return {.name = "nats_per_symbol", .label = "nats a symbol", .higher_is_better = false};
    }
    std::unique_ptr<Objective> make_objective(const RunConfig& config) const override {
        require_no_tasks(config);
        return std::make_unique<OwningTextObjective>(config);
    }
};

}  // namespace

const TaskType& sequence_transduction() {
    static const SequenceTransduction task;
    return task;
}

const TaskType& language_modelling() {
    static const LanguageModelling task;
    return task;
}

}  // namespace kvmem
