#include "kvmem/tasks/recommendation/model.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>

namespace kvmem {

Catalog catalog_of(const EventsDataset& dataset) {
    std::vector<Index> targets(dataset.groups.size());
    for (Index e = 0; e < dataset.events.size(); ++e)
        targets[dataset.events.group[e]] += dataset.events.mark[e] == EventMark::train;
    const Index most = targets.empty() ? 0 : std::ranges::max_element(targets) - targets.begin();
    return {dataset.features, dataset.groups, dataset.actions, most};
}

void RecommendationModel::score(const Candidates& candidates, std::span<Real> scores) const {
    Matrix row(1, catalog().items());
    Index next = 0;
    for (Index i = 0; i < std::ssize(candidates.histories); ++i) {
        score(candidates.histories.subspan(i, 1), row.view());
        for (const Token item : candidates.items[i]) scores[next++] = row(0, item);
    }
}

static Error no_inner_product(const RecommendationModel& model) {
    return Error({.what = "the model's scores are no inner products",
                  .expected = "a model whose items and histories have vectors, such as sasrec",
                  .got = model.settings().kind(),
                  .hint = "'kvmem recommend' uses any model"});
}

Matrix RecommendationModel::item_vectors() const { throw no_inner_product(*this); }
Matrix RecommendationModel::history_vectors(std::span<const History>) const { throw no_inner_product(*this); }

std::vector<OnnxModel> RecommendationModel::onnx() const {
    throw Error({.what = "this model has no ONNX graph",
                 .expected = "a model of questions or sequences",
                 .got = settings().kind(),
                 .hint = "safetensors hold the parameters of any model"});
}

Var RecommendationModel::loss(Tape& tape, const Events&, std::span<const Window>, Rng&) const {
    return tape.constant(Matrix(1, 1));
}

}  // namespace kvmem
