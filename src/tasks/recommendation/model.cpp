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
    constexpr Index block = 16;  // histories that read the vectors of all items once
    const Index count = std::ssize(candidates.histories);
    Index next = 0;
    for (Index first = 0; first < count; first += block) {
        Matrix rows(std::min(block, count - first), catalog().items());
        score(candidates.histories.subspan(first, rows.rows()), rows.view());
        for (Index i = 0; i < rows.rows(); ++i)
            for (const Token item : candidates.items[first + i]) scores[next++] = rows(i, item);
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
