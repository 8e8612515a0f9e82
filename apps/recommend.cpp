// kvmem recommend RUN: what a user will take next, and the past events that this rests on.
#include "encoded_text.hpp"
#include "event_source.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/recommendation/splits.hpp"

#include <algorithm>
#include <iostream>

namespace kvmem::apps {

static const char* const about_recommend =
    "Recommends items to a user of the run's data set, or to one whose events follow RUN, the oldest first: ids of\n"
    "items, their names, or parts of one name alone. FILE has an item in each line, and behind a tab its time. All\n"
    "events of the data set before the time are the model's memory; a new user's count at once. With --items, new "
    "items\n"
    "are recommended, too, by what the model learned of their features. With --users, each user has a line of JSON, "
    "or\n"
    "lines of the user, the place, the item and its score, with tabs between.";

static std::vector<TypedEvent> typed_events(const po::variables_map& values) {
    std::vector<TypedEvent> events;
    if (values.count("event"))
        for (const std::string& item : values["event"].as<std::vector<std::string>>()) events.push_back({item});
    if (!values.count("history")) return events;
    const std::string path = values["history"].as<std::string>(), text = read_file(path);
    TextLines lines(text, path);
    for (std::string_view line; lines.next(line);) {
        const std::vector<std::string> parts = split(std::string(line), '\t');
        if (parts.empty()) continue;
        if (parts.size() > 2)
            throw Error({.what = "bad line",
                         .expected = "an item, or an item, a tab and a time",
                         .got = std::to_string(parts.size()) + " columns",
                         .where = path + ":" + std::to_string(lines.number())});
        events.push_back({parts[0]});
        if (parts.size() == 2) events.back().time = moment(parts[1], "history");
    }
    return events;
}

// Marks the items of "FEATURE=VALUE", or those that the lines of a file name.
static std::vector<std::uint8_t> marked_items(const Recommender& recommender, const std::string& text) {
    const Catalog& catalog = recommender.model().catalog();
    std::vector<std::uint8_t> marked(catalog.items());
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos && !is_there(text)) {
        const std::string name = text.substr(0, equals);
        for (const FeatureColumn& column : catalog.objects().columns) {
            const Feature& feature = catalog.features[column.feature];
            const std::optional<Token> value = feature.values.find(text.substr(equals + 1));
            if (feature.name != name || !value) continue;
            for (Index item = 0; item < catalog.items(); ++item)
                marked[item] = std::ranges::find(column.rows[item], *value) != column.rows[item].end();
            return marked;
        }
        throw Error({.what = "no items have this feature", .expected = "FEATURE=VALUE or a file", .got = text});
    }
    const std::string lines_text = read_file(text);
    TextLines lines(lines_text, text);
    for (std::string_view line; lines.next(line);)
        if (!line.empty()) marked[recommender.item_named(line)] = 1;
    return marked;
}

static std::vector<std::uint8_t> allowed_items(const Recommender& recommender, const po::variables_map& values) {
    std::vector<std::uint8_t> allowed;
    if (values.count("only")) allowed = marked_items(recommender, values["only"].as<std::string>());
    if (!values.count("without")) return allowed;
    const std::vector<std::uint8_t> without = marked_items(recommender, values["without"].as<std::string>());
    allowed.resize(without.size(), values.count("only") ? 0 : 1);
    for (std::size_t i = 0; i < without.size(); ++i) allowed[i] = allowed[i] && !without[i];
    return allowed;
}

static void print_json(const Recommender& recommender, const History& history,
                       const std::vector<Recommendation>& recommendations) {
    std::cout << json_line(recommender, history, recommendations) << "\n";
}

// The reasons as lines, with the names of all rows that say the same: heads often read alike.
using Row = std::pair<std::string, std::vector<std::string>>;
static std::vector<Row> rows_of(const std::vector<Reason>& reasons, const Recommender& recommender,
                                const Events& events) {
    std::vector<Row> rows;
    for (std::size_t i = 0; i < reasons.size();) {
        const std::string& name = reasons[i].name;
        std::vector<std::string> lines;
        for (; i < reasons.size() && reasons[i].name == name; ++i)
            lines.push_back(formatted("%.2f", reasons[i].weight) + "  " +
                            event_text(recommender, events, reasons[i].event) + ", " +
                            date_text(events.time[reasons[i].event]));
        const auto same = std::ranges::find(rows, lines, &Row::second);
        if (same == rows.end())
            rows.emplace_back(name, std::move(lines));
        else
            same->first += ", " + name;
    }
    return rows;
}

static void print(const Recommender& recommender, const History& history,
                  const std::vector<Recommendation>& recommendations) {
    const ObjectGroup& items = recommender.model().catalog().objects();
    for (std::size_t i = 0; i < recommendations.size(); ++i) {
        const Recommendation& one = recommendations[i];
        std::cout << i + 1 << "\t" << printable(items.shown(one.item)) << "\t" << formatted("%.3f", one.score) << "\n";
        for (const auto& [names, lines] : rows_of(one.reasons, recommender, *history.events))
            for (const std::string& line : lines) std::cout << "\t  " << names << " " << printable(line) << "\n";
    }
}

// The users that the lines of a file name, or standard input's, or 'all' of the data set.
static std::vector<std::string> users_named(const std::string& name, const Recommender& recommender) {
    const std::vector<std::string>& known = recommender.dataset().users.ids.all();
    if (name == "all" && !is_there(name)) return known;
    const std::string text = text_from(name);
    std::vector<std::string> users;
    TextLines lines(text, name);
    for (std::string_view line; lines.next(line);)
        if (!line.empty()) users.emplace_back(line);
    return users;
}

// All users are found before the first one is answered, and are answered in groups, so that memory does not grow.
static void recommend_to(const std::vector<std::string>& users, const Recommender& recommender, Index when,
                         const RecommendOptions& options, bool as_json) {
    std::vector<History> histories;
    histories.reserve(users.size());
    for (const std::string& user : users) histories.push_back(recommender.history_of(user, when));
    const ObjectGroup& items = recommender.model().catalog().objects();
    constexpr std::size_t group = 4096;
    for (std::size_t first = 0; first < users.size(); first += group) {
        const std::size_t count = std::min(group, users.size() - first);
        const auto all = recommender.recommend(std::span(histories).subspan(first, count), options);
        for (std::size_t i = 0; i < count; ++i) {
            const std::string& user = users[first + i];
            if (as_json) {
                std::cout << printable(json_line(recommender, histories[first + i], all[i], user)) << "\n";
                continue;
            }
            for (std::size_t place = 0; place < all[i].size(); ++place)
                std::cout << printable(user) << "\t" << place + 1 << "\t" << printable(items.shown(all[i][place].item))
                          << "\t" << formatted("%.3f", all[i][place].score) << "\n";
        }
    }
}

int run_recommend(const Arguments& arguments) {
    int threads = 0;
    RecommendOptions options;
    CommandLine line{
        .usage = "kvmem recommend RUN [EVENT ...] [options]", .about = about_recommend, .positional = {"run"}};
    line.rest = "event";
    line.options.add_options()                                                                            //
        ("user,u", po::value<std::string>(), "of the data set")                                           //
        ("users", po::value<std::string>(), "file of users, a line each; - for standard input, or all")   //
        ("history", po::value<std::string>(), "file of a user's events")                                  //
        ("k,k", po::value(&options.k)->default_value(options.k), "items to recommend")                    //
        ("at", po::value<std::string>(), "time of the recommendation [one second after the last event]")  //
        ("seen", po::value<std::string>()->default_value("in"),
         "whether items of the history are candidates: in or out")                                   //
        ("only", po::value<std::string>(), "recommend only the items of FILE, or of FEATURE=VALUE")  //
        ("without", po::value<std::string>(), "... none of these")                                   //
        ("explain", po::bool_switch(&options.explain),
         "show the past events that an item rests on, with attention weights by head, or counts of a memory")  //
        ("add", po::value<std::string>(),
         "file of events to remember, too: a user, an item, a time and perhaps an action, with tabs between")  //
        ("data", po::value<std::string>(), "data set to use instead of the one trained on")                    //
        ("threads", po::value(&threads)->default_value(0), "0: one for each core")                             //
        ("json", "print JSON");
    add_item_options(line);
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    require_at_least(threads, 0, "threads");
    require_at_least(options.k, 1, "k");
    const std::string seen = values["seen"].as<std::string>();
    require_option(seen == "in" || seen == "out", "seen", "in or out");
    options.seen = seen == "in";
    const ThreadLimit limit(threads);
    const std::vector<TypedEvent> typed = typed_events(values);
    require_option(values.count("user") == 0 || typed.empty(), "user", "no events beside it");
    const bool several = values.count("users") > 0;
    require_option(!several || (values.count("user") == 0 && typed.empty()), "users", "no user or events beside it");
    const bool as_json = values.count("json") > 0;
    require_option(!several || as_json || !options.explain, "users", "--json beside it, for --explain");
    const Recommender recommender = open_recommender(values);
    options.allowed = allowed_items(recommender, values);
    const Index when = values.count("at") ? moment(values["at"].as<std::string>(), "at") : recommender.now();
    if (several) {
        recommend_to(users_named(values["users"].as<std::string>(), recommender), recommender, when, options, as_json);
        return 0;
    }
    const Events events = recommender.events_of(typed, when);
    const History history = values.count("user") ? recommender.history_of(values["user"].as<std::string>(), when)
                                                 : History{&events, 0, events.size(), when};
    const auto recommendations = recommender.recommend({&history, 1}, options).front();
    as_json ? print_json(recommender, history, recommendations) : print(recommender, history, recommendations);
    return 0;
}

}  // namespace kvmem::apps
