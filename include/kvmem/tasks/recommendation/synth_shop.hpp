// A shop made up, which knows the true probability of each of its events.
//
// Items have a category, a brand, a price, a birth and a half-life of popularity. Customers are of hidden kinds. A kind
// has three tastes, of which one at a time is active, and likes for brands and prices. A session begins with a search,
// which shows a category drawn by taste, season, what is due after earlier purchases, and noise. Views of items follow,
// then carts and purchases; returns and coupons come before. src/tasks/recommendation/README.md has the equations.
#pragma once

#include "kvmem/tasks/recommendation/dataset.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace kvmem {

// The effects of a shop. Each can be switched off; the numbers are those of choices().
enum class ShopEffect {
    tastes,         // kinds of customers prefer categories; off: all categories are equal
    switching,      // the active taste changes, and returns
    brands,         // kinds prefer brands
    prices,         // kinds prefer a level of prices
    popularity,     // items lose popularity with their half-lives; off: it is constant
    seasons,        // categories have peaks that return
    complements,    // a purchase is followed, after a lag, by an item that goes with it
    replenishment,  // consumables are bought again after their period
    coupons,        // coupons lead to their category
    returns,        // purchases are returned
    sessions,       // search, view, cart, buy; off: single purchases, whose category no search shows
    noise,          // a share of choices is uniform
    late_items,     // items are born during the time; off: all exist from the beginning
    late_users      // customers come during the time
};
// Their names: "tastes" and so on, "late-items".
std::vector<std::string> choices(ShopEffect);

// The options of a shop.
struct SynthShop {
    Index users = 1000, items = 1000, days = 180;  // 1 to 1,000,000; 20 to 100,000; 30 to 3,650
    std::uint64_t seed = 1;                        // of every random choice
    std::set<ShopEffect> off{};                    // the effects that are switched off
};

// Makes up the events of a shop. The groups are item, query and coupon; the actions search, view, cart, buy, return and
// take. The true probability of an event is given the action, all events of the user before it, and full knowledge of
// the shop, but not of the customer's kind and taste, which are inferred exactly. So no model can expect to rank
// better. The same options give the same bits. Throws UsageError for options out of range.
EventsDataset make_shop(const SynthShop& options);

// The best that a model can reach on events with known probabilities.
struct BestReachable {
    std::string action;    // of these events, or "all"
    Index targets = 0;     // the events
    double hit_at_10 = 0;  // the share of them whose true rank is at most 10
    double log_loss = 0;   // the mean of -log of their true probability
};
// The best on the targets with this mark, for each action that has any, and for all last.
std::vector<BestReachable> best_reachable(const EventsDataset& dataset, EventMark mark);

}  // namespace kvmem
