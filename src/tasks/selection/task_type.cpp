#include "kvmem/tasks/selection/task_type.hpp"

#include "kvmem/tasks/selection/objective.hpp"

namespace kvmem {

namespace {

struct ModelAndSentences {
    SentencesDataset dataset;
    std::unique_ptr<SelectionModel> model;

    explicit ModelAndSentences(const RunConfig& config)
        : dataset(load_sentences(config.data)),
          model(make_selection_model(config.model, lexicon_for(config.model, dataset))) {}

    static SentenceLexicon lexicon_for(Settings settings, const SentencesDataset& dataset) {
        SentenceVectors words;
        settings.visit([&](const Field& field, FieldValue value) {
            if (field.name == "vectors") words.vectors = *std::get<std::filesystem::path*>(value);
            if (field.name == "vector_words") words.vector_words = *std::get<Index*>(value);
        });
        return make_lexicon(dataset, words.vectors.empty() ? WordVectors() : read_word_vectors(words.vectors),
                            words.vector_words);
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
