#include "kvmem/tasks/recommendation/models/floors.hpp"

#include "kvmem/core/error.hpp"
#include "tasks/recommendation/model_type.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace kvmem {

static void require_memory(bool is_there, const char* kind) {
    if (!is_there)
        throw Error({.what = "the model has no memory", .expected = "remember() before scores", .where = kind});
}

static std::string days(double half_life) {
    return half_life > 0 ? "a half-life of " + std::to_string(half_life).substr(0, 5) + " days" : "no decay";
}

static std::vector<Index> times_of(std::span<const History> histories) {
    std::vector<Index> times;
    times.reserve(histories.size());
    for (const History& history : histories) times.push_back(history.now);
    return times;
}

// --- popularity

Popularity::Popularity(const PopularityConfig& config, Catalog catalog, Start start)
    : RecommendationModel(std::move(catalog), start), config_(validated(config)) {}

std::string Popularity::summary() const { return "Counts of events with " + days(config_.half_life); }

void Popularity::score(std::span<const History> histories, View scores) const {
    require_memory(counts_.has_value(), config_.kind);
    counts_->at(times_of(histories), scores);
}

void Popularity::score(const Candidates& candidates, std::span<Real> scores) const {
    require_memory(counts_.has_value(), config_.kind);
    Index next = 0;
    for (Index i = 0; i < std::ssize(candidates.histories); ++i)
        for (const Token item : candidates.items[i])
            scores[next++] = static_cast<Real>(counts_->at(item, candidates.histories[i].now));
}

// --- own items

OwnItems::OwnItems(const OwnItemsConfig& config, Catalog catalog, Start start)
    : RecommendationModel(std::move(catalog), start), config_(validated(config)) {}

std::string OwnItems::summary() const { return "A user's own items with " + days(config_.half_life); }

double OwnItems::weight_of(const History& history, Index event) const {
    const double halvings = config_.half_life > 0 ? 1 / (config_.half_life * seconds_per_day) : 0;
    return std::exp2(-halvings * static_cast<double>(history.now - history.events->time[event]));
}

void OwnItems::score(std::span<const History> histories, View scores) const {
    require_memory(counts_.has_value(), config_.kind);
    counts_->at(times_of(histories), scores);
    for (Index i = 0; i < scores.rows; ++i) {
        const History& history = histories[i];
        const std::span row(scores.row(i), static_cast<std::size_t>(scores.cols));
        const Real max = row.empty() ? 0 : *std::ranges::max_element(row);
        if (max > 0)
            for (Real& x : row) x *= static_cast<Real>(config_.recency) / max;
        for (Index e = history.first; e < history.end; ++e)
            if (history.events->group[e] == catalog().group)
                scores(i, history.events->object[e]) += static_cast<Real>(weight_of(history, e));
    }
}

Explanation OwnItems::explain(const History& history, Token item) const {
    Explanation explanation{{"own items"}, Matrix(1, history.size())};
    for (Index e = history.first; e < history.end; ++e)
        if (history.events->group[e] == catalog().group && history.events->object[e] == item)
            explanation.weights(0, e - history.first) = static_cast<Real>(weight_of(history, e));
    return explanation;
}

// --- neighbours

// The first event of [first, end), of one user, that is not before `when`; else `end`.
static Index first_not_before(const EventMemory& memory, Index first, Index end, Index when) {
    while (first < end) {
        const Index middle = first + (end - first) / 2;
        if (memory.time(middle) < when)
            first = middle + 1;
        else
            end = middle;
    }
    return end;
}

void add_neighbours(const EventMemory& memory, Token item, Index when, Real weight, const NeighbourOptions& options,
                    std::span<Real> sums) {
    const Index count = memory.count_before(item, when);
    const Index oldest = options.occurrences > 0 ? std::max<Index>(0, count - options.occurrences) : 0;
    for (const Index at : memory.occurrences(item).subspan(oldest, count - oldest)) {
        auto [first, end] = memory.sequence_of(at);
        end = first_not_before(memory, at + 1, end, when);
        if (options.last > 0) first = std::max(first, end - options.last);
        if (at < first) continue;
        const auto add = [&](Index other, double factor) {
            sums[memory.item(other)] += weight * static_cast<Real>(factor);
        };
        double factor = 1;
        for (Index d = 1; d <= options.distance; ++d, factor *= options.decay) {
            if (at + d < end) add(at + d, factor);
            if (at - d >= first) add(at - d, factor * options.before);
        }
    }
}

ItemKnn::ItemKnn(const ItemKnnConfig& config, Catalog catalog, Start start)
    : RecommendationModel(std::move(catalog), start), config_(validated(config)) {}

std::string ItemKnn::summary() const {
    return "Co-occurrence of items with the last " + std::to_string(config_.history) + " of a history";
}

template <class Read>
void ItemKnn::for_each_key(const History& history, Read read) const {
    require_memory(memory_ != nullptr, config_.kind);
    double weight = 1;
    Index count = 0;
    for (Index e = history.end; e-- > history.first && count < config_.history;) {
        if (history.events->group[e] != catalog().group) continue;
        const auto own = static_cast<double>(memory_->count_before(history.events->object[e], history.now));
        read(e, static_cast<Real>(weight / std::sqrt(1 + own)));
        weight *= config_.read_decay;
        ++count;
    }
}

void ItemKnn::score(std::span<const History> histories, View scores) const {
    std::fill_n(scores.data, scores.size(), Real{0});
    for (Index i = 0; i < scores.rows; ++i) {
        const std::span row(scores.row(i), static_cast<std::size_t>(scores.cols));
        for_each_key(histories[i], [&](Index e, Real weight) {
            add_neighbours(*memory_, histories[i].events->object[e], histories[i].now, weight, {}, row);
        });
        for (Index item = 0; item < scores.cols; ++item)
            if (row[item] != 0)
                row[item] /= static_cast<Real>(
                    std::pow(1 + memory_->count_before(static_cast<Token>(item), histories[i].now), 0.25));
    }
}

Explanation ItemKnn::explain(const History& history, Token item) const {
    Explanation explanation{{"co-occurrence"}, Matrix(1, history.size())};
    std::vector<Real> sums(catalog().items());
    for_each_key(history, [&](Index e, Real weight) {
        sums[item] = 0;
        add_neighbours(*memory_, history.events->object[e], history.now, weight, {}, sums);
        explanation.weights(0, e - history.first) = sums[item];
    });
    return explanation;
}

const RecommendationModelType& popularity() {
    static const auto type =
        counting_model_type<Popularity, PopularityConfig>("counts of recent events: a floor, not trained");
    return type;
}
const RecommendationModelType& own_items() {
    static const auto type =
        counting_model_type<OwnItems, OwnItemsConfig>("a user's own recent items: a floor, not trained");
    return type;
}
const RecommendationModelType& item_knn() {
    static const auto type = counting_model_type<ItemKnn, ItemKnnConfig>(
        "items that others took near those of the history: the floor, not trained");
    return type;
}

}  // namespace kvmem
