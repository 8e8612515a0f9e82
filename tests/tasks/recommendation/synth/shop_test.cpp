#include "kvmem/core/error.hpp"
#include "kvmem/tasks/recommendation/synth_shop.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace kvmem;

namespace {

EventsDataset shop(std::set<ShopEffect> off = {}, std::uint64_t seed = 1) {
    return make_shop({.users = 150, .items = 100, .days = 120, .seed = seed, .off = std::move(off)});
}

// The best that is reachable on each action.
std::map<std::string, BestReachable> best_of(const EventsDataset& dataset) {
    std::map<std::string, BestReachable> best;
    for (const BestReachable& row : best_reachable(dataset, EventMark::train)) best[row.action] = row;
    return best;
}

}  // namespace

TEST_CASE("a shop is consistent, and the same for the same seed", "[shop]") {
    const EventsDataset dataset = shop();
    dataset.validate("shop");
    CHECK(dataset == shop());
    CHECK_FALSE(dataset == shop({}, 2));
    REQUIRE(dataset.groups.size() == 3);
    CHECK(dataset.groups[0].name == "item");
    CHECK(dataset.actions.size() == 6);
    CHECK(dataset.column(dataset.groups[0], "brand") != nullptr);
    CHECK(dataset.events.size() > 5'000);
    for (Index i = 0; i < dataset.events.size(); ++i) {
        const auto at = static_cast<std::size_t>(i);
        CHECK(dataset.events.true_probability[at] > 0);
        CHECK(dataset.events.true_rank[at] >= 1);
    }
}

// The mean of 1/p over what happens is the number of objects that can happen, if p are the probabilities.
TEST_CASE("the true probabilities of a shop are those of what happens", "[shop]") {
    for (const ShopEffect also : {ShopEffect::late_items, ShopEffect::sessions}) {
        const EventsDataset dataset = shop({ShopEffect::late_items, also});
        const Events& events = dataset.events;
        double inverse = 0, choices = 0;
        for (std::size_t i = 0; i < events.time.size(); ++i) {
            if (dataset.actions[events.action[i]] != (also == ShopEffect::sessions ? "buy" : "view")) continue;
            inverse += 1 / events.true_probability[i];
            choices += 1;
        }
        CHECK(inverse / choices == Approx(dataset.groups[0].size()).epsilon(0.15));
    }
}

TEST_CASE("an effect that is switched off makes what it shaped less sure", "[shop][slow]") {
    const auto all = best_of(shop());
    CHECK(best_of(shop({ShopEffect::tastes})).at("search").log_loss > all.at("search").log_loss + 0.05);
    CHECK(best_of(shop({ShopEffect::brands})).at("view").log_loss > all.at("view").log_loss);
    CHECK(best_of(shop({ShopEffect::noise})).at("search").log_loss < all.at("search").log_loss);
    CHECK(best_of(shop({ShopEffect::coupons})).count("take") == 0);
    CHECK(best_of(shop({ShopEffect::returns})).count("return") == 0);
    const auto single = best_of(shop({ShopEffect::sessions}));
    CHECK(single.count("search") + single.count("view") + single.count("cart") == 0);
    CHECK(single.at("buy").log_loss > all.at("buy").log_loss);
    CHECK(all.at("buy").hit_at_10 == 1);
}

TEST_CASE("every effect of a shop changes its events", "[shop][slow]") {
    const EventsDataset all = shop();
    const auto names = choices(ShopEffect{});
    for (std::size_t i = 0; i < names.size(); ++i) {
        CAPTURE(names[i]);
        CHECK_FALSE(shop({static_cast<ShopEffect>(i)}).events == all.events);
    }
}

TEST_CASE("options of a shop are checked", "[shop]") {
    CHECK_THROWS_AS(make_shop({.users = 0}), UsageError);
    CHECK_THROWS_AS(make_shop({.items = 19}), UsageError);
    CHECK_THROWS_AS(make_shop({.days = 29}), UsageError);
}
