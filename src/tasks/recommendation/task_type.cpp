#include "kvmem/tasks/recommendation/task_type.hpp"

#include "kvmem/tasks/recommendation/objective.hpp"

namespace kvmem {

namespace {

struct ModelAndEvents {
    EventsDataset dataset;
    std::unique_ptr<RecommendationModel> model;

    explicit ModelAndEvents(const RunConfig& config)
        : dataset(load_events(config.data)), model(make_recommendation_model(config.model, catalog_of(dataset))) {}
};
class OwningObjective final : private ModelAndEvents, public RecommendationObjective {
  public:
    explicit OwningObjective(const RunConfig& config)
        : ModelAndEvents(config), RecommendationObjective(*ModelAndEvents::model, ModelAndEvents::dataset) {}
};

class RecommendationTask final : public TaskType {
  public:
    std::string name() const override { return "recommendation"; }
    std::vector<const ModelType*> models() const override { return recommendation_models(); }
    ScoreType score() const override { return {.name = "ranking", .label = "ranking", .is_share = true}; }
    std::unique_ptr<Objective> make_objective(const RunConfig& config) const override {
        require_no_tasks(config);
        return std::make_unique<OwningObjective>(config);
    }
};

}  // namespace

const TaskType& recommendation() {
    static const RecommendationTask task;
    return task;
}

}  // namespace kvmem
