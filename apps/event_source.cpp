#include "event_source.hpp"

#include "kvmem/core/file.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/recommendation/add_events.hpp"
#include "kvmem/tasks/recommendation/import.hpp"
#include "kvmem/tasks/recommendation/model_file.hpp"
#include "kvmem/tasks/recommendation/splits.hpp"
#include "kvmem/tasks/recommendation/task_type.hpp"
#include "kvmem/train/session.hpp"
#include "task_table.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>

namespace kvmem::apps {

namespace json = boost::json;

std::unique_ptr<RecommendationModel> open_recommendation_model(const std::string& run) {
    const Task& task = task_of_run(run);
    if (&task.type() != &recommendation())
        throw Error({.what = "the model recommends nothing",
                     .expected = "one for " + recommendation().name(),
                     .got = "one for " + task.type().name(),
                     .where = run});
    return load_recommendation_model(model_file_of(run));
}

// The events of a file's lines USER, ITEM, TIME and perhaps ACTION, with tabs between.
static std::vector<UserEvent> user_events(const std::string& path) {
    const std::string text = read_file(path);
    std::vector<UserEvent> events;
    TextLines lines(text, path);
    for (std::string_view line; lines.next(line);) {
        const std::vector<std::string> parts = split(std::string(line), '\t');
        if (parts.empty()) continue;
        if (parts.size() < 3 || parts.size() > 4)
            throw Error({.what = "bad line",
                         .expected = "a user, an item, a time and perhaps an action, with tabs between",
                         .got = std::to_string(parts.size()) + " columns",
                         .where = path + ":" + std::to_string(lines.number())});
        events.push_back({parts[0], parts[1], moment(parts[2], "add"), parts.size() == 4 ? parts[3] : ""});
    }
    return events;
}

void add_item_options(CommandLine& line) {
    line.options.add_options()                                                                         //
        ("items", po::value<std::string>(), "table of new items, which are known by their features")   //
        ("item-id", po::value<std::string>()->default_value(""), "its column of ids [the first one]")  //
        ("item-text", po::value<std::string>()->default_value(""),
         "its column of texts [the one of words that is no feature]")  //
        ("item-features", po::value<std::string>()->default_value(""),
         "its columns of features, as for 'kvmem import events' [those named as features]");
}

std::vector<NewItem> new_items_of(const po::variables_map& values, const Catalog& catalog) {
    for (const char* option : {"item-id", "item-text", "item-features"})
        require_option(values.count("items") || !values.count(option) || values[option].defaulted(), option,
                       "--items beside it");
    if (!values.count("items")) return {};
    const auto text = [&](const char* option) { return values[option].as<std::string>(); };
    ObjectColumns columns{.path = text("items"), .id = text("item-id"), .text = text("item-text")};
    for (const std::string& feature : split(text("item-features"), ','))
        columns.features.push_back(feature_choice(feature));
    return read_new_items(std::move(columns), catalog.features);
}

// Warns of the items from `first` on of which no feature is known.
static void warn_of_unknown(const ObjectGroup& items, Token first) {
    constexpr std::size_t max_names = 3;
    std::vector<std::string> names;
    for (Token item = first; item < items.size(); ++item)
        if (std::ranges::all_of(items.columns, [&](const FeatureColumn& column) { return column.rows[item].empty(); }))
            names.push_back(items.ids[item]);
    if (names.empty()) return;
    const std::string count = plural(std::ssize(names), "new item");
    if (names.size() > max_names) names.resize(max_names), names.emplace_back("...");
    std::cerr << "warning: no feature is known of " << count << ", scored as average: " << joined(names) << "\n";
}

Recommender open_recommender(const po::variables_map& values) {
    auto model = open_recommendation_model(find_run(values).string());
    EventsDataset data = load_events(data_of_run(values));
    const std::vector<NewItem> items = new_items_of(values, model->catalog());
    if (!items.empty()) {
        const Index group = data.group_named(model->catalog().objects().name), first = data.groups[group].size();
        const Index left_out = add_items(data, group, items);
        if (left_out > 0) std::cerr << "left out values of features that the model does not know: " << left_out << "\n";
        warn_of_unknown(data.groups[group], static_cast<Token>(first));
        model = with_items(*model, catalog_of(data));
    }
    if (values.count("add")) {
        const std::vector<UserEvent> added = user_events(values["add"].as<std::string>());
        add_events(data, data.group_named(model->catalog().objects().name), added);
    }
    return {std::move(model), std::move(data)};
}

std::string date_text(Index seconds) {
    using namespace std::chrono;
    const sys_seconds time{std::chrono::seconds(seconds)};
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(time - day);
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d:%02d", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    return text.data();
}

const std::string& event_text(const Recommender& recommender, const Events& events, Index event) {
    return recommender.model().catalog().groups[events.group[event]].shown(events.object[event]);
}

std::string json_line(const Recommender& recommender, const History& history,
                      const std::vector<Recommendation>& recommendations, std::string_view user) {
    const ObjectGroup& items = recommender.model().catalog().objects();
    json::array all;
    for (const Recommendation& one : recommendations) {
        json::array reasons;
        for (const Reason& reason : one.reasons)
            reasons.push_back(json::object{{"by", reason.name},
                                           {"event", event_text(recommender, *history.events, reason.event)},
                                           {"time", history.events->time[reason.event]},
                                           {"weight", reason.weight}});
        json::object object{{"item", items.ids[one.item]}, {"name", items.shown(one.item)}, {"score", one.score}};
        if (!reasons.empty()) object["reasons"] = std::move(reasons);
        all.push_back(std::move(object));
    }
    json::object object;
    if (!user.empty()) object["user"] = user;
    object["events"] = history.size();
    object["recommendations"] = std::move(all);
    return json::serialize(object);
}

}  // namespace kvmem::apps
