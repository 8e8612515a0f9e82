#include "kvmem/tasks/selection/task_type.hpp"

#include "kvmem/tasks/selection/models/sentence_selector.hpp"
#include "kvmem/tasks/selection/objective.hpp"

namespace kvmem {

namespace {

struct ModelAndSentences {
    SentencesDataset dataset;
    std::unique_ptr<SelectionModel> model;

    explicit ModelAndSentences(const RunConfig& config)
        : dataset(load_sentences(config.data)),
          model(make_selection_model(config.model, lexicon_for(config.model, dataset))) {}

    static SentenceLexicon lexicon_for(const Settings& settings, const SentencesDataset& dataset) {
        const auto* config = settings.get<SentenceSelectorConfig>();
        if (!config) return make_lexicon(dataset, {}, 0);
        return make_lexicon(dataset, config->vectors.empty() ? WordVectors() : read_word_vectors(config->vectors),
                            config->vector_words);
    }
};
class OwningObjective final : private ModelAndSentences, public SelectionObjective {
  public:
    explicit OwningObjective(const RunConfig& config)
        : ModelAndSentences(config), SelectionObjective(*ModelAndSentences::model, ModelAndSentences::dataset) {}
};

class AnswerSelection final : public TaskType {
  public:
    std::string name() const override { return "answer selection"; }
    std::vector<const ModelType*> models() const override { return selection_models(); }
    ScoreType score() const override {
        return {.name = "right_weight", .label = "weight on right sentences", .is_share = true};
    }
    std::unique_ptr<Objective> make_objective(const RunConfig& config) const override {
        require_no_tasks(config);
        return std::make_unique<OwningObjective>(config);
    }
};

}  // namespace

const TaskType& answer_selection() {
    static const AnswerSelection task;
    return task;
}

}  // namespace kvmem
