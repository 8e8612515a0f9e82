#include "kvmem/tasks/recommendation/recommender.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/float_control.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/top_k.hpp"
#include "kvmem/tasks/recommendation/add_events.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace kvmem {

static std::unique_ptr<RecommendationModel> require_catalog(std::unique_ptr<RecommendationModel> model,
                                                            const EventsDataset& dataset) {
    if (model->catalog() == catalog_of(dataset)) return model;
    throw Error({.what = "the data set is not the model's",
                 .expected = "the items, features and actions that the model was trained with",
                 .got = "others",
                 .where = dataset.info.title,
                 .hint = "train a new model"});
}

static constexpr std::initializer_list<EventMark> marks_of_all{EventMark::train, EventMark::valid, EventMark::test};

Recommender::Recommender(std::unique_ptr<RecommendationModel> model, EventsDataset dataset)
    : model_(require_catalog(std::move(model), dataset)),
      dataset_(std::make_unique<const EventsDataset>(std::move(dataset))),
      memory_(std::make_unique<const EventMemory>(dataset_->events, model_->catalog().group, model_->catalog().items(),
                                                  marks_of_all)),
      typed_action_(usual_action(*dataset_, model_->catalog().group)) {
    model_->remember(*memory_);
}

Index Recommender::add_items(std::span<const NewItem> items) {
    EventsDataset grown = *dataset_;
    const Index left_out = kvmem::add_items(grown, model_->catalog().group, items);
    auto model = with_items(*model_, catalog_of(grown));
    *this = Recommender(std::move(model), std::move(grown));
    return left_out;
}

History Recommender::history_of(std::string_view user, Index when) const {
    const std::optional<Token> number = dataset_->users.ids.find(user);
    if (!number)
        throw Error({.what = "no such user",
                     .expected = "one of the data set's " + std::to_string(dataset_->users.size()),
                     .got = std::string(user),
                     .where = dataset_->info.title,
                     .hint = "name events of a new user instead"});
    return {&dataset_->events, dataset_->events.of_user(*number).first, dataset_->events.history_end(*number, when),
            when};
}

Token Recommender::item_named(std::string_view text) const { return object_named(model_->catalog().objects(), text); }

Events Recommender::events_of(std::span<const TypedEvent> typed, Index when) const {
    std::vector<std::pair<Index, Token>> rows;
    for (const TypedEvent& event : typed) {
        const Index time = event.time.value_or(when);
        if (time < Events::min_time || time > when)
            throw Error({.what = "an event is not before the recommendation",
                         .expected = "a time of " + std::to_string(when) + " or before",
                         .got = std::to_string(time)});
        rows.emplace_back(time, item_named(event.item));
    }
    std::ranges::stable_sort(rows, {}, &std::pair<Index, Token>::first);
    Events events;
    for (const auto& [time, item] : rows) {
        events.group.push_back(static_cast<std::uint8_t>(model_->catalog().group));
        events.object.push_back(item);
        events.action.push_back(typed_action_);
        events.time.push_back(time);
        events.mark.push_back(EventMark::none);
    }
    events.user_offsets.push_back(events.size());
    return events;
}

static std::vector<Reason> reasons_of(const RecommendationModel& model, const History& history, Token item) {
    const Explanation explanation = model.explain(history, item);
    std::vector<Reason> reasons;
    for (std::size_t row = 0; row < explanation.names.size(); ++row) {
        const ConstView weights = explanation.weights.view().middle_rows(static_cast<Index>(row), 1);
        for (const Scored& best : top_k(weights.span(), 3))
            if (best.score > 0) reasons.push_back({explanation.names[row], history.first + best.index, best.score});
    }
    return reasons;
}

std::vector<Recommendation> Recommender::choose(const History& history, std::span<Real> scores,
                                                const RecommendOptions& options) const {
    constexpr Real none = -std::numeric_limits<Real>::infinity();
    const Index group = model_->catalog().group;
    if (!options.seen)
        for (Index e = history.first; e < history.end; ++e)
            if (history.events->group[e] == group) scores[history.events->object[e]] = none;
    for (std::size_t i = 0; i < options.allowed.size(); ++i)
        if (!options.allowed[i]) scores[i] = none;
    std::vector<Recommendation> chosen;
    for (const Scored& best : top_k(scores, options.k)) {
        if (best.score == none) break;
        Recommendation& one = chosen.emplace_back(Recommendation{static_cast<Token>(best.index), best.score});
        if (options.explain) one.reasons = reasons_of(*model_, history, one.item);
    }
    return chosen;
}

std::vector<std::vector<Recommendation>> Recommender::recommend(std::span<const History> histories,
                                                                const RecommendOptions& options) const {
    const Index items = model_->catalog().items(), count = std::ssize(histories);
    require_shape(options.k >= 1 && (options.allowed.empty() || std::ssize(options.allowed) == items),
                  "Recommender::recommend", "a k of 1 or more, and a mark for each item");
    std::vector<std::vector<Recommendation>> all(histories.size());
    constexpr Index block = 32;
    parallel_for((count + block - 1) / block, 1, [&](Index first_block, Index last_block) {
        const FlushSubnormals flush;
        Matrix scores(block, items);
        for (Index first = first_block * block; first < std::min(count, last_block * block); first += block) {
            const Index rows = std::min(block, count - first);
            model_->score(histories.subspan(first, rows), scores.view().middle_rows(0, rows));
            for (Index i = 0; i < rows; ++i)
                all[first + i] =
                    choose(histories[first + i], {scores.row(i), static_cast<std::size_t>(items)}, options);
        }
    });
    return all;
}

}  // namespace kvmem
