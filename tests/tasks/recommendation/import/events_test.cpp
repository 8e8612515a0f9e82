#include "tasks/recommendation/import/sources.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using Catch::Matchers::Contains;

namespace {

using Texts = std::vector<std::string>;

// Events as "user action object time value", in their order.
Texts lines_of(const EventsDataset& data) {
    data.validate("imported");
    Texts lines;
    for (Index i = 0; i < data.events.size(); ++i) {
        const auto at = static_cast<std::size_t>(i);
        const Events& events = data.events;
        std::string line = data.users.ids[static_cast<Token>(events.user_of(i))] + " " +
                           data.actions[events.action[at]] + " " +
                           data.groups[events.group[at]].ids[events.object[at]] + " " + std::to_string(events.time[at]);
        if (!events.value.empty()) line += " " + std::to_string(static_cast<int>(events.value[at]));
        lines.push_back(line);
    }
    return lines;
}

// The values of an object's feature.
Texts values_of(const EventsDataset& data, const ObjectGroup& group, const std::string& feature, Token object) {
    Texts values;
    const FeatureColumn* column = data.column(group, feature);
    REQUIRE(column);
    for (const Token value : column->rows[object])
        values.push_back(data.features[static_cast<std::size_t>(column->feature)].values[value]);
    return values;
}

std::vector<EventsSource> one(const std::string& name, const std::string& text) { return {{{name, text}}}; }

const EventColumns columns{.user = "u", .object = "i", .time = "t"};

}  // namespace

TEST_CASE("tables of events are read by the names of their columns", "[import_events]") {
    EventColumns more = columns;
    more.action = "a", more.value = "v";
    const auto sources = one("e.csv",
                             "t,i,u,a,v\n2010-12-02,cup,ann,buy,2\n2010-12-01,pot,ann,view,\n"
                             "2010-12-01,\"a, b\",bob,view,\n");
    CHECK(lines_of(events_from(sources, more, {}, {})) ==
          Texts{"ann view pot 1291161600 0", "ann buy cup 1291248000 2", "bob view a, b 1291161600 0"});
    CHECK(lines_of(events_from(one("e.jsonl", "{\"u\": 7, \"i\": \"cup\", \"t\": 1291161600123}\n"), columns, {},
                               {})) == Texts{"7 event cup 1291161600"});
    EventColumns plain{.user = "1", .object = "2", .time = ""};
    plain.header = false, plain.no_time = true;
    CHECK(lines_of(events_from(one("e.tsv", "ann\tx\nann\ty\n"), plain, {}, {})) ==
          Texts{"ann event x 86400", "ann event y 172800"});
}

TEST_CASE("tables of objects give texts and features", "[import_events]") {
    ObjectsSource items{{"i.csv", "id,title,genre,price\ncup,A Cup,x|y,1\npot,,x,5\nfig,Fig,,\nnut,Nut,z,3\n"}, {}};
    items.columns = {.path = {}, .id = "id", .text = "title"};
    for (const char* choice : {"genre", "title:words", "price:2"})
        items.columns.features.push_back(feature_choice(choice));
    ObjectsSource users{{"u.csv", "u,home\nann,Peru\n"}, {.path = {}, .group = "user", .id = "u"}};
    users.columns.features.push_back(feature_choice("home"));
    const ObjectsSource tables[] = {items, users};
    const EventsDataset data = events_from(one("e.csv", "u,i,t\nann,cup,5\nbob,pot,6\n"), columns, tables, {});
    data.validate("imported");
    const ObjectGroup& group = data.groups[0];
    CHECK(group.ids.all() == Texts{"cup", "pot", "fig", "nut"});
    CHECK(group.shown(0) == "A Cup");
    CHECK(group.shown(1) == "pot");
    CHECK(values_of(data, group, "genre", 0) == Texts{"x", "y"});
    CHECK(values_of(data, group, "title", 0) == Texts{"a", "cup"});
    CHECK(values_of(data, group, "price", 0) == Texts{"range 1"});
    CHECK(values_of(data, group, "price", 1) == Texts{"range 2"});
    CHECK(values_of(data, group, "price", 2).empty());
    CHECK(values_of(data, data.users, "home", 0) == Texts{"Peru"});
    CHECK(values_of(data, data.users, "home", 1).empty());
}

TEST_CASE("splits come from files or from a column", "[import_events]") {
    const std::vector<EventsSource> sources = {{{"a.csv", "u,i,t\nann,x,1\n"}, EventMark::train},
                                               {{"b.csv", "u,i,t\nann,y,2\n"}, EventMark::test}};
    using enum EventMark;
    CHECK(events_from(sources, columns, {}, {}).events.mark == std::vector<EventMark>{train, test});
    EventColumns marked = columns;
    marked.mark = "m";
    CHECK(events_from(one("e.csv", "u,i,t,m\nann,x,1,valid\nann,y,2,none\n"), marked, {}, {}).events.mark ==
          std::vector<EventMark>{valid, none});
    CHECK_THROWS_WITH(events_from(one("e.csv", "u,i,t,m\nann,x,1,later\n"), marked, {}, {}),
                      Contains("e.csv:2") && Contains("train, valid, test or none"));
}

TEST_CASE("bad rows of events are Errors, or left out one by one", "[import_events]") {
    const auto sources = one("e.csv", "u,i,t\nann,x,1\n,y,2\nann,,3\nann,y,soon\nann,y\nann,z,4\n");
    CHECK_THROWS_WITH(events_from(one("e.csv", "u,i,t\n,y,2\n"), columns, {}, {}), Contains("e.csv:2"));
    Texts bad;
    EventsImport options;
    options.on_bad_line = [&](const Error& e) { bad.emplace_back(e.what()); };
    CHECK(lines_of(events_from(sources, columns, {}, options)) == Texts{"ann event x 1", "ann event z 4"});
    REQUIRE(bad.size() == 4);
    CHECK_THAT(bad[2], Contains("e.csv:5") && Contains("soon"));
    CHECK_THROWS_WITH(events_from(one("e.csv", "u,i,t\n,y,2\n"), columns, {}, options), Contains("no events"));
    EventColumns other = columns;
    other.user = "customer";
    CHECK_THROWS_WITH(events_from(one("e.csv", "u,i,t\nann,x,1\n"), other, {}, {}),
                      Contains("no such column") && Contains("one of u, i, t"));
}

TEST_CASE("choices of features are checked", "[import_events]") {
    CHECK(feature_choice("Item Genre").name == "item_genre");
    CHECK(feature_choice("a:20").ranges == 20);
    for (const char* wrong : {"", ":words", "a:1", "a:1001", "a:colours", "a:"})
        CHECK_THROWS_AS(feature_choice(wrong), UsageError);
}

TEST_CASE("MovieLens gives ratings, genres, years, and tags on request", "[import_events]") {
    const Source ratings{"ratings.csv", "userId,movieId,rating,timestamp\n1,3,4.0,964981247\n1,1,4.5,964982703\n"};
    const Source movies{"movies.csv",
                        "movieId,title,genres\n1,Toy Story (1995),Adventure|Comedy\n3,Odd,(no genres listed)\n"};
    const Source tags{"tags.csv", "userId,movieId,tag,timestamp\n1,3,very odd,964990000\n"};
    const EventsDataset data = movielens_from(ratings, movies, tags, {});
    CHECK(lines_of(data) == Texts{"1 rate 3 964981247 4", "1 rate 1 964982703 4", "1 tag very odd 964990000 0"});
    CHECK(values_of(data, data.groups[0], "genre", 1) == Texts{"Adventure", "Comedy"});
    CHECK(values_of(data, data.groups[0], "genre", 0).empty());
    CHECK(values_of(data, data.groups[0], "year", 1) == Texts{"1995"});
    CHECK(data.groups[0].shown(1) == "Toy Story (1995)");
    CHECK(movielens_from(ratings, movies, {}, {}).groups.size() == 1);
}

TEST_CASE("invoices give baskets and returns, without strangers and postage", "[import_events]") {
    const Source source{"retail.csv",
                        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
                        "536365,85123A,WHITE HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
                        "536365,POST,POSTAGE,1,2010-12-01 08:26:00,18,17850.0,United Kingdom\n"
                        "536365,71053,\"LANTERN, METAL\",8,2010-12-01 08:27:00,3.39,17850.0,United Kingdom\n"
                        "536366,71053,,8,2010-12-01 08:28:00,3.39,,United Kingdom\n"
                        "C536379,71053,,-1,2010-12-02 09:41:00,3.39,17850.0,United Kingdom\n"};
    EventsImport options;
    Index left_out = 0;
    options.on_left_out = [&](const std::string&, Index lines) { left_out += lines; };
    const EventsDataset data = retail_from(source, options);
    CHECK(lines_of(data) ==
          Texts{"17850 buy 85123A 1291191960 6", "17850 buy 71053 1291191960 8", "17850 return 71053 1291282860 -1"});
    CHECK(data.events.basket == std::vector<Token>{0, 0, -1});
    CHECK(values_of(data, data.groups[0], "word", 1) == Texts{"lantern", "metal"});
    CHECK(values_of(data, data.users, "country", 0) == Texts{"United Kingdom"});
    CHECK(left_out == 2);
}

TEST_CASE("sessions of OTTO, lines of items, RecBole's files and logs of git are read", "[import_events]") {
    CHECK(lines_of(
              otto_from(one("o.jsonl",
                            "{\"session\": 1, \"events\": [{\"aid\": 5, \"ts\": 1661724000278, \"type\": \"clicks\"}, "
                            "{\"aid\": 6, \"ts\": 1661724000999, \"type\": \"carts\"}]}\n"),
                        {})) == Texts{"1 clicks 5 1661724000", "1 carts 6 1661724000"});
    for (const char* wrong : {"[]", "{\"session\": 1}", "{\"session\": 1, \"events\": [{\"aid\": 5}]}",
                              "{\"session\": [], \"events\": []}", "{\"session\": 1, \"events\": [7]}"})
        CHECK_THROWS_WITH(otto_from(one("o.jsonl", wrong), {}), Contains("o.jsonl:1"));
    CHECK(lines_of(item_sequences_from(one("s.txt", "ann x  y\nbob y\n"), {})) ==
          Texts{"ann event x 86400", "ann event y 172800", "bob event y 86400"});

    const Source items{"m.item",
                       "item_id:token\tmovie_title:token_seq\tclass:token_seq\tsize:float\n5\tToy Story\ta b\t1\n"};
    const EventsDataset movies = recbole_from(
        one("m.inter", "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t5\t3\t881250949.0\n"), items,
        {});
    CHECK(lines_of(movies) == Texts{"1 event 5 881250949 3"});
    CHECK(movies.groups[0].shown(0) == "Toy Story");
    CHECK(values_of(movies, movies.groups[0], "class", 0) == Texts{"a", "b"});

    const std::string log =
        "\tabc1\t1700000000\tann@x.org\n\nsrc/io/a.cpp\nREADME\n\tabc2\t1700000100\tann@x.org\n\nREADME\n";
    const EventsDataset git = git_from(one("log", log), {});
    CHECK(git.users.size() == 1);
    CHECK(git.users.ids[0].size() == 16);
    CHECK(git.events.basket == std::vector<Token>{0, 0, 1});
    CHECK(values_of(git, git.groups[0], "folder", 0) == Texts{"src", "src/io"});
    CHECK(values_of(git, git.groups[0], "ending", 0) == Texts{"cpp"});
    CHECK(values_of(git, git.groups[0], "ending", 1).empty());
    CHECK_THROWS_WITH(git_from(one("log", "README\n"), {}), Contains("log:1"));
}
