// The list of models that recommend. A new model is a file of its own and two lines here.
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/recommendation/task_type.hpp"
#include "tasks/recommendation/model_type.hpp"

namespace kvmem {

const RecommendationModelType& sasrec();
const RecommendationModelType& atrank();
const RecommendationModelType& sequence_memory();
const RecommendationModelType& bi_lstm();
const RecommendationModelType& bi_lstm_attention();
const RecommendationModelType& cnn_pool();
const RecommendationModelType& bpr();
const RecommendationModelType& popularity();
const RecommendationModelType& own_items();
const RecommendationModelType& item_knn();

std::vector<const ModelType*> recommendation_models() {
    return {&sequence_memory(), &sasrec(), &atrank(),     &bi_lstm(),   &bi_lstm_attention(),
            &cnn_pool(),        &bpr(),    &popularity(), &own_items(), &item_knn()};
}

std::unique_ptr<RecommendationModel> make_recommendation_model(const Settings& settings, Catalog catalog, Start start) {
    if (catalog.groups.empty() || catalog.items() == 0)
        throw Error({.what = "nothing to recommend", .expected = "a group with an object", .got = "none"});
    const ModelType& type = find_model(recommendation(), settings.kind());
    return static_cast<const RecommendationModelType&>(type).make(settings, std::move(catalog), start);
}

}  // namespace kvmem
