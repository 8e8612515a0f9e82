#include "kvmem/tasks/recommendation/objective.hpp"

#include "io/content_hash.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/recommendation/model_file.hpp"

#include <algorithm>
#include <numeric>

namespace kvmem {

RecommendationObjective::RecommendationObjective(RecommendationModel& model, const EventsDataset& dataset)
    : model_(model),
      dataset_(dataset),
      memory_(memory_before(dataset, model.catalog().group, EventMark::valid)),
      options_(usual_evaluation(dataset, model.catalog().group)) {
    model_.remember(memory_);
    options_.mark = EventMark::valid;
    options_.alive = false;
    options_.max_queries = model.selection().queries;
    queries_ = ranking_queries(dataset, model.catalog().group, options_);
    if (model.training() == Training::never) return;
    for (Index user = 0; user < dataset.events.users(); ++user) add_windows(user);
    if (windows_.empty())
        throw Error({.what = "nothing to learn from",
                     .expected = "training events behind others of the same user",
                     .got = "none",
                     .where = dataset.info.title});
}

// Adds a window whose targets have histories.
void RecommendationObjective::add_window(const Window& window) {
    const Events& events = dataset_.events;
    const Index group = model_.catalog().group;
    Index count = 0;
    for (Index e = window.begin; e < window.end; ++e)
        if ((events.group[e] == group || model_.trains_all_groups()) && events.mark[e] == EventMark::train &&
            basket_begin(events, e) > window.first)
            ++count;
    if (count == 0) return;
    windows_.push_back(window);
    targets_.push_back(count);
}

// A causal window reads max_history() events, and its targets are those of its second half, or of all in the first one.
// It ends with a basket, so that the next one begins with a basket whose history it reads.
void RecommendationObjective::add_windows(Index user) {
    const auto [first, end] = dataset_.events.of_user(user);
    const Index max = model_.max_history();
    if (model_.training() == Training::each) {
        for (Index e = first; e < end; ++e)
            add_window({std::max(first, basket_begin(dataset_.events, e) - max), e, e + 1});
        return;
    }
    const Index half = std::max<Index>(1, max / 2);
    for (Index begin = first; begin < end;) {
        const Index from = std::max(first, begin - half);
        const Index until = dataset_.events.basket_end(std::min(end, std::max(begin + 1, from + max)) - 1);
        add_window({from, begin, until});
        begin = until;
    }
}

Index RecommendationObjective::items() const { return std::max<Index>(1, std::ssize(windows_)); }

Index RecommendationObjective::size(Index item) const {
    return windows_.empty() ? 1 : windows_[item].end - windows_[item].first;
}

Var RecommendationObjective::loss(Tape& tape, std::span<const Index> items, Rng& rng) {
    std::vector<Window> windows;
    if (!windows_.empty())
        for (const Index item : items) windows.push_back(windows_[item]);
    return model_.loss(tape, dataset_.events, windows, rng);
}

static double mean_of(std::span<const double> values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

Validation RecommendationObjective::validate() {
    Validation validation{.examples = std::ssize(queries_)};
    if (model_.selection().select == Select::auc) {
        validation.score = sampled_auc(model_, dataset_, queries_, false);
        validation.loss = 1 - validation.score;
        return validation;
    }
    const RankingEvaluation evaluation = evaluate(model_, dataset_, queries_, options_);
    validation.score = mean_of(evaluation.ndcg);
    validation.loss = 1 - mean_of(evaluation.auc);
    validation.others = {{"hit_at_10", mean_of(evaluation.hit)},
                         {"recall_at_10", mean_of(evaluation.recall)},
                         {"auc", mean_of(evaluation.auc)}};
    return validation;
}

void RecommendationObjective::save(hdf5::Writer& file) const { write_model_info(file, model_); }
void RecommendationObjective::load(const hdf5::Reader& file) { require_same_catalog(model_, file); }

template <class T>
static std::string hash_of(const std::vector<T>& values) {
    return xxh3(std::as_bytes(std::span(values)));
}

std::string RecommendationObjective::fingerprint(std::string_view) const {
    const Events& events = dataset_.events;
    std::string hashes = hash_of(events.user_offsets) + hash_of(events.group) + hash_of(events.object) +
                         hash_of(events.action) + hash_of(events.time) + hash_of(events.mark) + hash_of(events.basket);
    for (const ObjectGroup& group : dataset_.groups) {
        for (const std::string& id : group.ids.all()) hashes += id + '\0';
        for (const FeatureColumn& column : group.columns)
            hashes += hash_of(column.rows.values) + hash_of(column.rows.offsets);
    }
    return xxh3(std::as_bytes(std::span(hashes)));
}

static std::string or_unknown(const std::string& text) { return text.empty() ? "not stated" : text; }

Description RecommendationObjective::describe(const std::string& run_directory) const {
    Description d;
    d.title = model_.name() + ": " + or_unknown(dataset_.info.title);
    d.summary = model_.summary();
    d.about = "It ranks " + std::to_string(model_.catalog().items()) + " items by what a user will take next.";
    d.facts = {{"source", or_unknown(dataset_.info.source)},
               {"license of the data", or_unknown(dataset_.info.license)},
               {"best model chosen by",
                model_.selection().select == Select::auc ? "AUC against one item" : "NDCG@10 over all items"}};
    d.counts = {{"item", model_.catalog().items()},
                {"training target", std::accumulate(targets_.begin(), targets_.end(), Index{0})}};
    d.use = "Use it: `kvmem recommend " + run_directory + " --user ID`.";
    return d;
}

}  // namespace kvmem
