#include "kvmem/tasks/qa/task_type.hpp"

#include "kvmem/tasks/qa/models/kv_mem_nn.hpp"
#include "kvmem/tasks/qa/models/mem_n2n.hpp"
#include "kvmem/tasks/qa/models/path_reader.hpp"
#include "kvmem/tasks/qa/models/window_reader.hpp"
#include "kvmem/tasks/qa/objective.hpp"
#include "kvmem/tasks/qa/tasks.hpp"

namespace kvmem {

static QaDataset load_tasks(const RunConfig& config) {
    QaDataset dataset = load_dataset(config.data);
    keep_tasks(dataset, config.tasks);
    return dataset;
}

namespace {

struct ModelAndData {
    QaDataset dataset;
    std::unique_ptr<Model> model;

    explicit ModelAndData(const RunConfig& config)
        : dataset(load_tasks(config)), model(make_model(config.model, dataset.vocabulary, dataset.candidates)) {}
};

class OwningObjective final : private ModelAndData, public QaObjective {
  public:
    explicit OwningObjective(const RunConfig& config)
        : ModelAndData(config),
          QaObjective(*ModelAndData::model, ModelAndData::dataset,
                      {.balanced = config.trainer.balance, .focused = config.trainer.focus}) {}
};

// Whether memories of documents have their mention in the first dictionary and the words around it in the second.
bool has_second_dictionary(const Vocabulary& vocabulary) {
    for (Token token = 0; token < vocabulary.size(); ++token)
        if (vocabulary.kind(token) == TokenKind::second_word) return true;
    return false;
}

class QuestionAnswering final : public TaskType {
  public:
    std::string name() const override { return "question answering"; }
    std::vector<const ModelType*> models() const override { return qa_models(); }
    ScoreType score() const override { return {.name = "hits_at_1", .label = "hits@1", .is_share = true}; }
    std::string default_model(const std::string& data) const override {
        const QaDataset dataset = load_dataset(data, DatasetParts::memory);
        if (dataset.memory.size() == 0) return MemN2NConfig::kind;
        if (!dataset.origin.empty() && has_second_dictionary(dataset.vocabulary)) return WindowReaderConfig::kind;
        return holds_facts(dataset) ? PathReaderConfig::kind : KvMemNNConfig::kind;
    }
    std::unique_ptr<Objective> make_objective(const RunConfig& config) const override {
        return std::make_unique<OwningObjective>(config);
    }
    std::vector<std::string> parts(const RunConfig& config) const override {
        QaDataset dataset = load_dataset(config.data);
        std::vector<std::string> names = task_names(dataset, config.tasks);
        keep_tasks(dataset, config.tasks);
        dataset.split("train");
        return names;
    }
};

}  // namespace

const TaskType& question_answering() {
    static const QuestionAnswering task;
    return task;
}

}  // namespace kvmem
