// The shop of synth_shop.hpp without its customers: all that a model could learn from endless data.
#pragma once

#include "kvmem/core/rng.hpp"
#include "kvmem/tasks/recommendation/synth_shop.hpp"

#include <array>
#include <vector>

namespace kvmem {

// Counts of a shop's parts.
inline constexpr std::size_t shop_brands = 12, shop_prices = 5, shop_kinds = 24, shop_tastes = 3, shop_queries = 3;
// The probabilities of a category's queries.
inline constexpr std::array<double, shop_queries> query_shares = {0.6, 0.3, 0.1};

struct ShopItem {
    std::size_t category, brand, price;
    std::size_t complement;  // the item that goes with it
    double base;             // its popularity at birth
    int birth;               // its first day, maybe before 0
    double half_life;        // in days
};

struct ShopCategory {
    bool consumable;
    std::size_t complement;  // the category that follows
    double lag, period;      // days to the complement, and to buying again
    double peak;             // the day of the season's peak, or -1
    std::vector<std::size_t> items;
};

// A hidden kind of customers.
struct ShopKind {
    std::array<std::vector<double>, shop_tastes> tastes;  // probabilities of categories
    std::array<double, shop_brands> brands;               // factors
    std::array<double, shop_prices> prices;
};

// Everything but the customers. Days are from 0 to below `days`.
class ShopWorld {
  public:
    explicit ShopWorld(const SynthShop& options);

    std::size_t days() const { return days_; }
    bool has(ShopEffect effect) const { return !off_.contains(effect); }
    // The share of choices that are uniform.
    double noise() const { return has(ShopEffect::noise) ? 0.05 : 0; }

    // The factor of a category on a day: 1 out of season.
    double season(std::size_t category, std::size_t day) const;
    // The weight of an item for a kind on a day: 0 before its birth.
    double weight(std::size_t item, std::size_t kind, std::size_t day) const {
        return popularity_[day * items.size() + item] * affinity(item, kind);
    }
    // The like of a kind for an item's brand and price.
    double affinity(std::size_t item, std::size_t kind) const {
        return kinds[kind].brands[items[item].brand] * kinds[kind].prices[items[item].price];
    }
    // The sum of the weights of a category's items.
    double total(std::size_t category, std::size_t kind, std::size_t day) const {
        return totals_[(day * categories.size() + category) * shop_kinds + kind];
    }
    // The number of items that are born by a day.
    double born(std::size_t day) const { return born_[day]; }
    bool is_born(std::size_t item, std::size_t day) const { return items[item].birth <= static_cast<int>(day); }
    // How much an item calls for its complement, and for itself, this many days after its purchase: 0 to 1.
    double complement_due(std::size_t item, double after) const;
    double replenishment_due(std::size_t item, double after) const;

    std::vector<ShopItem> items;
    std::vector<ShopCategory> categories;
    std::vector<ShopKind> kinds;

  private:
    void make_categories(Rng& rng, std::size_t count);
    void make_items(Rng& rng, std::size_t count);
    void make_kinds(Rng& rng);
    void sum_up();

    std::set<ShopEffect> off_;
    std::size_t days_;
    std::vector<double> popularity_, totals_, born_;
};

}  // namespace kvmem
