#include "kvmem/tasks/recommendation/evaluate.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/float_control.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/top_k.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>

namespace kvmem {

static constexpr EventMark all_marks[] = {EventMark::none, EventMark::train, EventMark::valid, EventMark::test};

EvaluationOptions usual_evaluation(const EventsDataset& dataset, Index group) {
    const Events& events = dataset.events;
    EvaluationOptions options;
    if (std::ranges::any_of(events.basket, [](Token basket) { return basket >= 0; })) options.targets = Targets::basket;
    Index trained = 0, repeats = 0;
    std::vector<Index> user_of_item(dataset.groups[group].size(), -1);  // the last one
    for (Index user = 0; user < events.users(); ++user) {
        const auto [first, end] = events.of_user(user);
        for (Index e = first; e < end; ++e) {
            if (events.group[e] != group || events.mark[e] != EventMark::train) continue;
            ++trained;
            repeats += std::exchange(user_of_item[events.object[e]], user) == user;
        }
    }
    options.seen = 100 * repeats >= trained ? Seen::in : Seen::out;
    return options;
}

EventMemory memory_before(const EventsDataset& dataset, Index group, EventMark mark) {
    const Index items = dataset.groups[group].size();
    if (mark == EventMark::test) return {dataset.events, group, items, {EventMark::train, EventMark::valid}};
    return {dataset.events, group, items, {EventMark::train}};
}

// --- queries

// `chosen` queries of `all`, evenly.
static std::vector<RankingQuery> evenly(std::vector<RankingQuery> all, Index chosen) {
    const Index count = std::ssize(all);
    if (chosen == 0 || chosen >= count) return all;
    std::vector<RankingQuery> some;
    for (Index i = 0; i < chosen; ++i) some.push_back(std::move(all[i * count / chosen]));
    return some;
}

std::vector<RankingQuery> ranking_queries(const EventsDataset& dataset, Index group, const EvaluationOptions& options) {
    const Events& events = dataset.events;
    std::vector<RankingQuery> queries;
    const auto is_target = [&](Index e) { return events.group[e] == group && events.mark[e] == options.mark; };
    for (Index user = 0; user < events.users(); ++user) {
        const auto [first, end] = events.of_user(user);
        for (Index e = first; e < end; ++e) {
            if (!is_target(e)) continue;
            const bool whole = options.targets == Targets::basket;
            const Index history_end = options.strict ? events.history_end(user, events.time[e])
                                      : whole        ? basket_begin(events, e)
                                                     : e;
            RankingQuery query{user, {&events, first, history_end, events.time[e]}, {}, e};
            for (Index t = e; t < (whole ? events.basket_end(e) : e + 1); ++t) {
                const Token item = events.object[t];
                if (!is_target(t) || std::ranges::find(query.targets, item) != query.targets.end()) continue;
                if (options.seen != Seen::only_new || !query.history.has(group, item)) query.targets.push_back(item);
            }
            if (!query.targets.empty() && query.history.size() >= options.min_history)
                queries.push_back(std::move(query));
            if (whole) break;
        }
    }
    return evenly(std::move(queries), options.max_queries);
}

// --- ranking

namespace {

// Which items had an event within 30 days of a day, for the days of some queries.
class AliveItems {
  public:
    AliveItems(const EventMemory& memory, std::span<const RankingQuery> queries) {
        days_.reserve(queries.size());
        for (const RankingQuery& query : queries) days_.push_back(day_of(query.history.now));
        std::ranges::sort(days_);
        days_.erase(std::unique(days_.begin(), days_.end()), days_.end());
        rows_.assign(days_.size(), std::vector<std::uint8_t>(memory.items()));
        for (Token item = 0; item < memory.items(); ++item) mark(memory, item);
    }
    std::span<const std::uint8_t> at(const RankingQuery& query) const {
        return rows_[std::ranges::lower_bound(days_, day_of(query.history.now)) - days_.begin()];
    }

  private:
    // Days are counted toward zero, as those of the events are.
    static Index day_of(Index time) { return time / seconds_per_day; }

    // Marks the item at the days around each of its events. These rise, so each day is passed once.
    void mark(const EventMemory& memory, Token item) {
        constexpr Index around = 30;
        std::size_t day = 0;
        for (const Index time : memory.times_of(item)) {
            while (day < days_.size() && (days_[day] + around + 1) * seconds_per_day <= time) ++day;
            for (; day < days_.size() && (days_[day] - around) * seconds_per_day <= time; ++day) rows_[day][item] = 1;
        }
    }

    std::vector<Index> days_;
    std::vector<std::vector<std::uint8_t>> rows_;
};

struct Ranker {
    const EventsDataset& dataset;
    const EvaluationOptions& options;
    Index group;
    EventMemory everything;
    std::optional<AliveItems> alive;

    // Ranks the targets of a query by the scores of all items, which it changes.
    void rank(const RankingQuery& query, std::span<Real> scores, RankedTarget* targets) const;
    // The different items that the user has at any time, rising.
    std::vector<Token> owned(Index user) const;
    // An item that the user never has, and that is alive if `alive` is set; the target if there is none.
    Token draw_other(const RankingQuery& query, Rng& rng) const;
    std::optional<double> age_at(Token item, Index when) const;
};

}  // namespace

std::vector<Token> Ranker::owned(Index user) const {
    std::vector<Token> items;
    const auto [first, end] = dataset.events.of_user(user);
    for (Index e = first; e < end; ++e)
        if (dataset.events.group[e] == group) items.push_back(dataset.events.object[e]);
    std::ranges::sort(items);
    items.erase(std::unique(items.begin(), items.end()), items.end());
    return items;
}

// The draw is uniform over the others by their order. Without `alive` they are not listed: the user's items are few.
Token Ranker::draw_other(const RankingQuery& query, Rng& rng) const {
    const std::vector<Token> own = owned(query.user);
    if (alive) {
        std::vector<Token> list;
        const std::span<const std::uint8_t> is_alive = alive->at(query);
        for (Token item = 0; item < everything.items(); ++item)
            if (is_alive[item] && !std::ranges::binary_search(own, item)) list.push_back(item);
        return list.empty() ? query.targets.front() : list[rng.below(std::ssize(list))];
    }
    const Index others = everything.items() - std::ssize(own);
    if (others == 0) return query.targets.front();
    auto item = static_cast<Token>(rng.below(others));
    for (const Token one : own) item += one <= item;
    return item;
}

std::optional<double> Ranker::age_at(Token item, Index when) const {
    if (everything.count_before(item, when) == 0) return {};
    return static_cast<double>(when - everything.times_of(item).front()) / seconds_per_day;
}

// Of an item that is no candidate: behind any list.
static constexpr RankRange no_rank{std::numeric_limits<Index>::max() / 2, 1};

namespace {
// How a score stands among others, counted in one pass without branches.
struct Standing {
    std::int32_t below = 0, equal = 0, all = 0;

    void add(Real score, Real other, std::int32_t times) {
        below += other < score ? times : 0;
        equal += other == score ? times : 0;
        all += times;
    }
    double auc() const { return all == 0 ? 0.5 : (below + 0.5 * equal) / all; }
};
}  // namespace

static Standing standing(Real score, std::span<const Real> others) {
    Standing sum;
    for (const Real other : others) sum.add(score, other, 1);
    return sum;
}

static Standing standing(Real score, std::span<const Real> others, std::span<const std::uint8_t> counted) {
    Standing sum;
    for (std::size_t i = 0; i < others.size(); ++i) sum.add(score, others[i], counted[i]);
    return sum;
}

void Ranker::rank(const RankingQuery& query, std::span<Real> scores, RankedTarget* targets) const {
    const std::vector<Token> own = owned(query.user);
    const auto is_alive = alive ? alive->at(query) : std::span<const std::uint8_t>{};
    for (std::size_t t = 0; t < query.targets.size(); ++t) {
        const Token item = query.targets[t];
        const Real score = scores[item];
        targets[t].item = item;
        targets[t].history = query.history.size();
        targets[t].age = age_at(item, query.history.now);
        targets[t].repeated = query.history.has(group, item);
        Standing others = standing(score, scores);
        for (const Token one : own) others.add(score, scores[one], -1);
        targets[t].auc = others.auc();
        if (!alive) continue;
        Standing living = standing(score, scores, is_alive);
        for (const Token one : own) living.add(score, scores[one], -is_alive[one]);
        targets[t].alive_auc = living.auc();
    }
    if (options.seen != Seen::in)
        for (Index e = query.history.first; e < query.history.end; ++e)
            if (dataset.events.group[e] == group)
                scores[dataset.events.object[e]] = -std::numeric_limits<Real>::infinity();
    for (std::size_t t = 0; t < query.targets.size(); ++t) {
        const Token item = query.targets[t];
        targets[t].ranks = std::isfinite(scores[item]) ? rank_of(scores, item) : no_rank;
    }
}

static void require_finite(std::span<const Real> scores, const RecommendationModel& model) {
    bool finite = true;
    for (const Real x : scores) finite &= std::abs(x) <= std::numeric_limits<Real>::max();  // false of NaN
    if (finite) return;
    throw Error({.what = "the model gave a score that is no number",
                 .expected = "finite scores",
                 .got = "NaN or infinity",
                 .where = model.name()});
}

static double mean_of(std::span<const RankedTarget> targets, double RankedTarget::*member) {
    double sum = 0;
    for (const RankedTarget& t : targets) sum += t.*member;
    return sum / static_cast<double>(targets.size());
}

// Adds the measures of one query, whose targets these are.
static void add_query(RankingEvaluation& all, Index user, std::span<const RankedTarget> targets, Index k) {
    std::vector<RankRange> ranks;
    double alive = 0;
    for (const RankedTarget& t : targets) {
        ranks.push_back(t.ranks);
        alive += t.alive_auc.value_or(0);
    }
    const RankingScore score = score_ranking(ranks, k);
    all.users.push_back(user);
    all.hit.push_back(score.hit);
    all.recall.push_back(score.recall);
    all.ndcg.push_back(score.ndcg);
    all.reciprocal_rank.push_back(score.reciprocal_rank);
    all.auc.push_back(mean_of(targets, &RankedTarget::auc));
    all.alive_auc.push_back(alive / static_cast<double>(targets.size()));
}

RankingEvaluation evaluate(const RecommendationModel& model, const EventsDataset& dataset,
                           std::span<const RankingQuery> queries, const EvaluationOptions& options,
                           const std::function<void(Index done)>& done) {
    require_shape(!queries.empty(), "evaluate", "a query");
    const Index group = model.catalog().group, items = model.catalog().items(), count = std::ssize(queries);
    EventMemory everything(dataset.events, group, items, {all_marks[0], all_marks[1], all_marks[2], all_marks[3]});
    Ranker ranker{dataset, options, group, std::move(everything), {}};
    if (options.alive) ranker.alive.emplace(ranker.everything, queries);
    std::vector<Index> offsets{0};
    for (const RankingQuery& query : queries) offsets.push_back(offsets.back() + std::ssize(query.targets));
    RankingEvaluation all;
    all.targets.resize(offsets.back());
    constexpr Index block = 64;
    std::vector<std::uint8_t> recommended(items);
    std::mutex mutex;
    Index finished = 0;
    parallel_for((count + block - 1) / block, 1, [&](Index first_block, Index last_block) {
        const FlushSubnormals flush;
        Matrix scores(block, items);
        for (Index first = first_block * block; first < std::min(count, last_block * block); first += block) {
            const Index rows = std::min(block, count - first);
            std::vector<History> histories;
            for (Index i = 0; i < rows; ++i) histories.push_back(queries[first + i].history);
            model.score(histories, scores.view().middle_rows(0, rows));
            std::vector<Scored> best;
            for (Index i = 0; i < rows; ++i) {
                const std::span row(scores.row(i), static_cast<std::size_t>(items));
                require_finite(row, model);
                ranker.rank(queries[first + i], row, all.targets.data() + offsets[first + i]);
                for (Index t = offsets[first + i]; t < offsets[first + i + 1]; ++t) all.targets[t].query = first + i;
                for (const Scored& one : top_k(row, options.k)) best.push_back(one);
            }
            const std::scoped_lock lock(mutex);
            for (const Scored& one : best) recommended[one.index] = 1;
            finished += rows;
            if (done) done(finished);
        }
    });
    for (Index i = 0; i < count; ++i)
        add_query(all, queries[i].user, std::span(all.targets).subspan(offsets[i], offsets[i + 1] - offsets[i]),
                  options.k);
    all.coverage = static_cast<double>(std::accumulate(recommended.begin(), recommended.end(), Index{0})) /
                   static_cast<double>(items);
    return all;
}

double sampled_auc(const RecommendationModel& model, const EventsDataset& dataset,
                   std::span<const RankingQuery> queries, bool alive, std::uint64_t seed) {
    require_shape(!queries.empty(), "sampled_auc", "a query");
    const Index group = model.catalog().group, count = std::ssize(queries);
    EventMemory everything(dataset.events, group, model.catalog().items(),
                           {all_marks[0], all_marks[1], all_marks[2], all_marks[3]});
    const EvaluationOptions options;
    Ranker ranker{dataset, options, group, std::move(everything), {}};
    if (alive) ranker.alive.emplace(ranker.everything, queries);
    std::vector<double> won(count, 0.5);
    constexpr Index block = 64;
    parallel_for((count + block - 1) / block, 1, [&](Index first_block, Index last_block) {
        const FlushSubnormals flush;
        for (Index first = first_block * block; first < std::min(count, last_block * block); first += block) {
            std::vector<History> histories;
            Ragged<Token> pairs;
            const Index end = std::min(count, first + block);
            for (Index i = first; i < end; ++i) {
                histories.push_back(queries[i].history);
                Rng rng(seed, {static_cast<std::uint64_t>(i)});
                pairs.push_row(std::vector{queries[i].targets.front(), ranker.draw_other(queries[i], rng)});
            }
            std::vector<Real> scores(pairs.values.size());
            model.score({histories, pairs}, scores);
            require_finite(scores, model);
            for (Index i = first; i < end; ++i)
                won[i] = auc(scores[2 * (i - first)], std::span(scores).subspan(2 * (i - first) + 1, 1));
        }
    });
    return std::accumulate(won.begin(), won.end(), 0.0) / static_cast<double>(count);
}

// --- classes

// The rows of classes that `class_of` numbers.
template <class ClassOf>
static std::vector<ClassRow> by_class(const RankingEvaluation& evaluation, Index k, std::vector<std::string> names,
                                      ClassOf class_of) {
    std::vector<ClassRow> rows;
    rows.reserve(names.size());
    for (std::string& name : names) rows.push_back({.name = std::move(name)});
    for (const RankedTarget& target : evaluation.targets) {
        ClassRow& row = rows[class_of(target)];
        ++row.targets;
        row.hit += hit_at(target.ranks, k);
        row.gain += gain_at(target.ranks, k);
    }
    std::erase_if(rows, [](const ClassRow& row) { return row.targets == 0; });
    for (ClassRow& row : rows) {
        row.hit /= static_cast<double>(row.targets);
        row.gain /= static_cast<double>(row.targets);
    }
    return rows;
}

// The number of limits that `value` is above.
template <class T, std::size_t n>
static std::size_t limits_below(const T (&limits)[n], T value) {
    return static_cast<std::size_t>(std::ranges::count_if(limits, [&](T limit) { return value > limit; }));
}

std::vector<ClassRow> by_history_length(const RankingEvaluation& evaluation, Index k) {
    static constexpr Index limits[] = {0, 2, 5, 10, 20, 50};
    return by_class(evaluation, k,
                    {"no history", "1 to 2 events", "3 to 5 events", "6 to 10 events", "11 to 20 events",
                     "21 to 50 events", "above 50 events"},
                    [](const RankedTarget& t) { return limits_below(limits, t.history); });
}

std::vector<ClassRow> by_item_age(const RankingEvaluation& evaluation, Index k) {
    static constexpr double limits[] = {7, 30, 90, 365};
    return by_class(evaluation, k,
                    {"at most a week old", "at most 30 days old", "at most 90 days old", "at most a year old",
                     "above a year old", "never there before"},
                    [](const RankedTarget& t) { return t.age ? limits_below(limits, *t.age) : std::size(limits) + 1; });
}

std::vector<ClassRow> by_repeat(const RankingEvaluation& evaluation, Index k) {
    return by_class(evaluation, k, {"new to the user", "repeated"},
                    [](const RankedTarget& t) { return t.repeated ? std::size_t{1} : std::size_t{0}; });
}

}  // namespace kvmem
