// kvmem evaluate: how well a model of events ranks what comes next, below the floors that count alone.
#include "event_source.hpp"
#include "kvmem/core/option_error.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/recommendation/models/floors.hpp"
#include "task_table.hpp"
#include "task_verbs.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <functional>
#include <iostream>
#include <numeric>

namespace kvmem::apps {

namespace json = boost::json;

namespace {

struct ModelRow {
    std::string name;
    RankingEvaluation evaluation;
};

struct Plan {
    EventsDataset dataset;
    Index group = 0;
    EvaluationOptions options{};
    std::vector<RankingQuery> queries{};
};

// A measure of the table.
struct Measure {
    const char* name;
    std::vector<double> RankingEvaluation::*values;
};

}  // namespace

static constexpr std::array measures{
    Measure{"hit", &RankingEvaluation::hit},   Measure{"recall", &RankingEvaluation::recall},
    Measure{"ndcg", &RankingEvaluation::ndcg}, Measure{"mrr", &RankingEvaluation::reciprocal_rank},
    Measure{"auc", &RankingEvaluation::auc},   Measure{"auc_alive", &RankingEvaluation::alive_auc}};

template <class Choice>
static void choose(const po::variables_map& values, const char* option, Choice& value) {
    if (!values.count(option)) return;
    const std::string text = values[option].as<std::string>();
    std::vector<std::string> names;
    for (const char* name : choices(value)) names.emplace_back(name);
    const auto at = std::ranges::find(names, text);
    if (at == names.end()) throw OptionError(option, joined(names, " or "), text);
    value = static_cast<Choice>(at - names.begin());
}

static EventMark mark_named(const std::string& split) {
    require_option(split == "train" || split == "valid" || split == "test", "split", "train, valid or test");
    return split == "train" ? EventMark::train : split == "valid" ? EventMark::valid : EventMark::test;
}

static Plan plan_of(const po::variables_map& values, const Catalog& catalog) {
    Plan plan{.dataset = load_events(data_of_run(values)), .group = catalog.group};
    if (!(catalog_of(plan.dataset) == catalog))
        throw Error({.what = "the data set is not the model's",
                     .expected = "the items, features and actions that the model was trained with",
                     .got = "others",
                     .where = data_of_run(values)});
    plan.options = usual_evaluation(plan.dataset, plan.group);
    plan.options.mark = mark_named(values["split"].as<std::string>());
    choose(values, "targets", plan.options.targets);
    choose(values, "seen", plan.options.seen);
    plan.options.k = values["k"].as<Index>();
    plan.options.strict = values.count("strict") > 0;
    plan.options.max_queries = values["queries"].as<Index>();
    require_at_least(plan.options.k, 1, "k");
    require_at_least(plan.options.max_queries, 0, "queries");
    plan.queries = ranking_queries(plan.dataset, plan.group, plan.options);
    if (plan.queries.empty())
        throw Error({.what = "nothing to foresee",
                     .expected = "events of the split '" + values["split"].as<std::string>() + "' behind a history",
                     .got = "none",
                     .where = data_of_run(values)});
    return plan;
}

// That of the splits before; `live`: of all, of which a model reads what is before its time.
static EventMemory memory_of(const Plan& plan, bool live) {
    if (!live) return memory_before(plan.dataset, plan.group, plan.options.mark);
    return {plan.dataset.events,
            plan.group,
            plan.dataset.groups[plan.group].size(),
            {EventMark::train, EventMark::valid, EventMark::test}};
}

// Calls visit(name, model) for the floors, for the runs of --against, and for the model itself, which read the memory.
static void each_model(const po::variables_map& values, RecommendationModel& model, const EventMemory& memory,
                       const std::function<void(const std::string&, const RecommendationModel&)>& visit) {
    const auto show = [&](const std::string& name, RecommendationModel& one) {
        one.remember(memory);
        visit(name, one);
    };
    const Catalog& catalog = model.catalog();
    Popularity all({.half_life = 0}, catalog), recent({.half_life = 14}, catalog);
    OwnItems own({}, catalog);
    ItemKnn neighbours({}, catalog);
    show("popularity", all);
    show("recent popularity", recent);
    show("own items, recent popularity", own);
    show("item-knn", neighbours);
    if (values.count("against"))
        for (const std::string& run : values["against"].as<std::vector<std::string>>()) {
            const auto other = open_recommendation_model(run);
            if (!(other->catalog() == catalog))
                throw Error(
                    {.what = "the models have different items", .expected = "models of one data set", .where = run});
            show(run, *other);
        }
    show(values["run"].as<std::string>(), model);
}

static double mean_of(std::span<const double> values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// The first k of the probabilities that events were made with, if they are known: the best that any model can reach.
static std::optional<double> best_hit(const Plan& plan) {
    const Events& events = plan.dataset.events;
    if (events.true_rank.empty() || plan.options.targets != Targets::item || plan.options.seen != Seen::in) return {};
    double hits = 0;
    for (const RankingQuery& query : plan.queries) {
        const double rank = events.true_rank[query.event];
        hits += rank > 0 && rank <= static_cast<double>(plan.options.k);
    }
    return hits / static_cast<double>(plan.queries.size());
}

static json::object to_json(const ModelRow& row, Index k) {
    json::object object{{"name", row.name}, {"coverage", row.evaluation.coverage}};
    for (const Measure& measure : measures) {
        const Interval interval = interval_of(row.evaluation.*measure.values, row.evaluation.users);
        object[measure.name] = json::object{{"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}};
    }
    const auto classes = [&](const std::vector<ClassRow>& all) {
        json::array list;
        for (const ClassRow& one : all)
            list.push_back(json::object{{"name", one.name}, {"targets", one.targets}, {"hit", one.hit}});
        return list;
    };
    object["by_history"] = classes(by_history_length(row.evaluation, k));
    object["by_age"] = classes(by_item_age(row.evaluation, k));
    object["by_repeat"] = classes(by_repeat(row.evaluation, k));
    return object;
}

static void print_table(const std::vector<ModelRow>& rows) {
    std::cout << "                                    hit  recall    ndcg     mrr     auc  alive  coverage\n";
    for (const ModelRow& row : rows) {
        std::string line = padded(printable(row.name), 32);
        for (const Measure& measure : measures) line += formatted(" %7.4f", mean_of(row.evaluation.*measure.values));
        std::cout << line << "  " << percent(row.evaluation.coverage) << "\n";
    }
}

static std::string text_of(const Interval& interval) {
    return formatted("%.4f", interval.mean) + ", 95 % " + formatted("%.4f", interval.low) + " to " +
           formatted("%.4f", interval.high);
}

static void print_classes(const ModelRow& row, Index k) {
    std::cout << "of targets of " << printable(row.name) << ", hits at " << k << "\n";
    for (const auto& classes :
         {by_history_length(row.evaluation, k), by_item_age(row.evaluation, k), by_repeat(row.evaluation, k)})
        for (const ClassRow& one : classes)
            print_row(one.name, percent(one.hit) + " of " + plural(one.targets, "target"));
}

// The last row beside the best of the others, by NDCG.
static const ModelRow& best_of_others(const std::vector<ModelRow>& rows) {
    return *std::max_element(rows.begin(), rows.end() - 1, [](const ModelRow& a, const ModelRow& b) {
        return mean_of(a.evaluation.ndcg) < mean_of(b.evaluation.ndcg);
    });
}

static void print(const std::vector<ModelRow>& rows, const Plan& plan, const std::string& split) {
    const RankingEvaluation& last = rows.back().evaluation;
    std::cout << printable(split) << ": " << plural(last.size(), "ranking") << ", "
              << plural(std::ssize(last.targets), "target") << " among "
              << plural(plan.dataset.groups[plan.group].size(), "item")
              << "; targets: " << choices(plan.options.targets)[static_cast<std::size_t>(plan.options.targets)]
              << ", seen items " << choices(plan.options.seen)[static_cast<std::size_t>(plan.options.seen)] << ", k "
              << plan.options.k << "\n";
    print_table(rows);
    if (const std::optional<double> best = best_hit(plan)) {
        print_row("hit of the true probabilities", formatted("%.4f", *best));
        const double floor = mean_of(rows[3].evaluation.hit);
        if (*best > floor)
            print_row("share of the way from item-knn", percent((mean_of(last.hit) - floor) / (*best - floor)));
    }
    const ModelRow& other = best_of_others(rows);
    print_row("ndcg", text_of(interval_of(last.ndcg, last.users)));
    print_row("recall", text_of(interval_of(last.recall, last.users)));
    print_row("ndcg less that of " + other.name,
              text_of(paired_interval(last.ndcg, other.evaluation.ndcg, last.users)));
    print_row("recall less that of " + other.name,
              text_of(paired_interval(last.recall, other.evaluation.recall, last.users)));
    print_classes(rows.back(), plan.options.k);
}

static void print_json(const std::vector<ModelRow>& rows, const Plan& plan, const std::string& split) {
    json::array models;
    for (const ModelRow& row : rows) models.push_back(to_json(row, plan.options.k));
    const RankingEvaluation& last = rows.back().evaluation;
    const ModelRow& other = best_of_others(rows);
    const Interval paired = paired_interval(last.ndcg, other.evaluation.ndcg, last.users);
    json::object object{
        {"split", split},
        {"queries", last.size()},
        {"targets", std::ssize(last.targets)},
        {"k", plan.options.k},
        {"models", std::move(models)},
        {"ndcg_less_that_of",
         json::object{{"name", other.name}, {"mean", paired.mean}, {"low", paired.low}, {"high", paired.high}}}};
    if (const std::optional<double> best = best_hit(plan)) object["hit_of_true_probabilities"] = *best;
    std::cout << json::serialize(object) << "\n";
}

// Without rankings: each target against one item.
static void evaluate_drawn(const po::variables_map& values, RecommendationModel& model, const EventMemory& memory,
                           const Plan& plan) {
    json::array models;
    const bool as_json = values.count("json") > 0;
    if (!as_json)
        std::cout << printable(values["split"].as<std::string>()) << ": " << plural(std::ssize(plan.queries), "target")
                  << ", each against one drawn item\n                                    auc  alive\n";
    each_model(values, model, memory, [&](const std::string& name, const RecommendationModel& one) {
        const double all = sampled_auc(one, plan.dataset, plan.queries, false),
                     alive = sampled_auc(one, plan.dataset, plan.queries, true);
        if (as_json) return models.push_back(json::object{{"name", name}, {"auc", all}, {"auc_alive", alive}});
        std::cout << padded(printable(name), 32) << formatted(" %6.4f", all) << formatted(" %6.4f", alive) << std::endl;
    });
    if (as_json)
        std::cout << json::serialize(json::object{{"split", values["split"].as<std::string>()},
                                                  {"queries", std::ssize(plan.queries)},
                                                  {"models", std::move(models)}})
                  << "\n";
}

int evaluate_events(const po::variables_map& values) {
    const auto model = open_recommendation_model(find_run(values).string());
    const Plan plan = plan_of(values, model->catalog());
    const EventMemory memory = memory_of(plan, values.count("live") > 0);
    if (values.count("drawn")) {
        evaluate_drawn(values, *model, memory, plan);
        return 0;
    }
    std::vector<ModelRow> rows;
    each_model(values, *model, memory, [&](const std::string& name, const RecommendationModel& one) {
        Progress progress;
        rows.push_back({name, evaluate(one, plan.dataset, plan.queries, plan.options, [&](Index done) {
                            progress.show(name + "  " + short_number(static_cast<double>(done)) + " of " +
                                          plural(std::ssize(plan.queries), "ranking"));
                        })});
    });
    const std::string split = values["split"].as<std::string>();
    values.count("json") ? print_json(rows, plan, split) : print(rows, plan, split);
    return 0;
}

}  // namespace kvmem::apps
