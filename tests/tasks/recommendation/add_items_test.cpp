// New items: their rows in a data set, their vectors in a model, and their place in recommendations.
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/recommendation/models/atrank.hpp"
#include "kvmem/tasks/recommendation/models/floors.hpp"
#include "kvmem/tasks/recommendation/models/sasrec.hpp"
#include "kvmem/tasks/recommendation/recommender.hpp"
#include "support/ring_events.hpp"
#include "tasks/recommendation/import/sources.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;

static std::vector<NewItem> two_items() {
    return {{"a", "New A", {{"parity", "odd"}, {"parity", "prime"}}}, {"b", "", {{"parity", "even"}}}};
}

TEST_CASE("new items stand behind those of the data set, with the values that it knows", "[recommender]") {
    EventsDataset data = test::ring_events(5, 6);
    CHECK(add_items(data, 0, two_items()) == 1);
    data.validate("with new items");
    const ObjectGroup& items = data.groups[0];
    CHECK(items.ids[8] == "a");
    CHECK(items.shown(8) == "New A");
    CHECK(items.shown(9) == "b");
    const FeatureColumn& parity = *data.column(items, "parity");
    CHECK(parity.rows[8][0] == parity.rows[1][0]);
    CHECK(parity.rows[9][0] == parity.rows[0][0]);
}

TEST_CASE("new items with a mistake change nothing", "[recommender]") {
    EventsDataset data = test::ring_events(5, 6);
    const EventsDataset before = data;
    for (const NewItem& wrong :
         std::vector<NewItem>{{""}, {"i3"}, {"a"}, {"b", "", {{"colour", "red"}}}, {"b\xff"}, {"b", "\xff"}}) {
        CHECK_THROWS_WITH(add_items(data, 0, std::vector{two_items()[0], wrong}), Catch::Contains("new item 2"));
        CHECK(data == before);
    }
    for (const Index group : {-1, 1}) CHECK_THROWS_AS(add_items(data, group, two_items()), Error);
    CHECK(data == before);
}

TEST_CASE("old items have the scores that they had, and a new one those of items like it", "[recommender]") {
    const EventsDataset data = test::ring_events(5, 6);
    EventsDataset grown = data;
    add_items(grown, 0, two_items());
    SasRecConfig sasrec;
    sasrec.width = 8;
    AtRankConfig atrank;
    atrank.width = 8;
    for (const Settings& settings : {Settings(sasrec), Settings(atrank), Settings(PopularityConfig{})}) {
        const auto model = make_recommendation_model(settings, catalog_of(data));
        const auto with = with_items(*model, catalog_of(grown));
        const EventMemory memory = memory_before(data, 0, EventMark::test),
                          more = memory_before(grown, 0, EventMark::test);
        model->remember(memory), with->remember(more);
        const History history{&data.events, 0, 4, data.events.time[4]};
        Matrix old(1, 8), all(1, 10);
        model->score({&history, 1}, old);
        with->score({&history, 1}, all);
        for (Index i = 0; i < 8; ++i) CHECK(all(0, i) == old(0, i));
        if (settings.kind() != "sasrec") continue;  // its scores are sums over an item's vectors
        for (const Index parity : {0, 1})
            CHECK(all(0, 9 - parity) ==
                  Approx((old(0, parity) + old(0, 2 + parity) + old(0, 4 + parity) + old(0, 6 + parity)) / 4)
                      .margin(1e-5));
    }
    const auto model = make_recommendation_model(sasrec, catalog_of(data));
    CHECK_THROWS_AS(with_items(*model, catalog_of(test::ring_events(5, 6, 7))), Error);
    CHECK_THROWS_AS(with_items(*with_items(*model, catalog_of(grown)), catalog_of(data)), Error);
    // The old items' values, in the same order, must be those of the same items and of the same feature.
    Catalog moved = catalog_of(grown);
    --moved.groups[0].columns[0].rows.offsets[1];
    CHECK_THROWS_WITH(with_items(*model, moved), Catch::Contains("not the model's"));
    moved = catalog_of(grown);
    ++moved.groups[0].columns[0].feature;
    CHECK_THROWS_WITH(with_items(*model, moved), Catch::Contains("not the model's"));
}

TEST_CASE("a recommender recommends items that it was given later", "[recommender]") {
    EventsDataset data = test::ring_events(5, 6);
    auto model = make_recommendation_model(SasRecConfig{}, catalog_of(data));
    Recommender recommender(std::move(model), std::move(data));
    CHECK(recommender.add_items(two_items()) == 1);
    CHECK_THROWS_AS(recommender.add_items(two_items()), Error);
    const Token item = recommender.item_named("new a");
    RecommendOptions options;
    options.allowed.resize(10);
    options.allowed[item] = 1;
    options.explain = true;
    const Events events = recommender.events_of(std::vector<TypedEvent>{{"i1"}, {"b"}}, recommender.now());
    const History history{&events, 0, 2, recommender.now()};
    const auto list = recommender.recommend({&history, 1}, options).front();
    REQUIRE(list.size() == 1);
    CHECK(list[0].item == item);
    CHECK(!list[0].reasons.empty());
}

TEST_CASE("a table of new items has its ids in front, and features by their names", "[recommender]") {
    const std::vector<Feature> known{{"parity", {}}, {"size", {}}};
    const Source table{"new.csv", "sku,Parity,colour,Title\nx,odd|prime,red,An x\ny,,blue,\n"};
    std::vector<NewItem> items = new_items_from({table, {.path = {}, .id = {}}}, known);
    REQUIRE(items.size() == 2);
    CHECK(items[0].id == "x");
    CHECK(items[0].text.empty());
    CHECK(items[0].values == std::vector<std::pair<std::string, std::string>>{{"parity", "odd"}, {"parity", "prime"}});
    CHECK(items[1].values.empty());
    items = new_items_from({table, {.path = {}, .id = "sku", .text = "Title", .features = {feature_choice("colour")}}},
                           known);
    CHECK(items[0].text == "An x");
    CHECK(items[1].values[0].second == "blue");
    CHECK_THROWS_AS(new_items_from({table, {.path = {}, .id = {}, .features = {feature_choice("colour:3")}}}, known),
                    Error);
    CHECK_THROWS_AS(new_items_from({{"new.jsonl", "{\"id\": 3}\n"}, {}}, known), Error);
    const Source priced{"priced.csv", "sku,parity,price,name\nx,odd,12.5,An x\ny,odd,3,\n"};
    items = new_items_from({priced, {.path = {}, .id = {}}}, known);
    CHECK(items[0].text == "An x");  // the one column of words that is no feature
    CHECK(items[1].text.empty());
    CHECK_THROWS_WITH(new_items_from({{"new.csv", "sku;parity\nx;odd\n"}, {.path = {}, .id = {}}}, known),
                      Catch::Contains("a semicolon in it"));
    CHECK(new_items_from({{"new.csv", "sku\nx;y\n"}, {.path = {}, .id = {}}}, known)[0].id == "x;y");
}
