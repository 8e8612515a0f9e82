// The list of models that answer questions. A new model is a file of its own and two lines here.
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "tasks/qa/model_type.hpp"

namespace kvmem {

const QaModelType& kv_mem_nn();
const QaModelType& mem_n2n();
const QaModelType& memory_transformer();
const QaModelType& path_reader();
const QaModelType& query_reduction();
const QaModelType& lstm_reader();
const QaModelType& window_reader();

static constexpr const QaModelType& (*all[])() = {kv_mem_nn,       mem_n2n,     memory_transformer, path_reader,
                                                  query_reduction, lstm_reader, window_reader};

std::vector<const ModelType*> qa_models() {
    std::vector<const ModelType*> models;
    for (const auto& type : all) models.push_back(&type());
    return models;
}

std::unique_ptr<Model> make_model(const Settings& settings, ModelWords words, std::vector<Token> candidates,
                                  const LoadParameter& load) {
    const ModelType& type = find_model(question_answering(), settings.kind());
    return static_cast<const QaModelType&>(type).make(settings, std::move(words), std::move(candidates), load);
}

}  // namespace kvmem
