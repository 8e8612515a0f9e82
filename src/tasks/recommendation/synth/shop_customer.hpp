// One customer of a shop, and what an observer that knows the shop believes of the customer.
#pragma once

#include "tasks/recommendation/synth/shop_world.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace kvmem {

// A hidden state: a kind with its active taste.
inline constexpr std::size_t shop_states = shop_kinds * shop_tastes;
// A number for each state.
using ShopStates = std::array<double, shop_states>;

// What is due on a day after a customer's purchases.
struct ShopDue {
    std::vector<std::pair<std::size_t, double>> items;  // each once, rising
    std::vector<double> categories;                     // sums over the items of each
    double total = 0;
};

// The observable situation at one moment: the day, what is due, and how categories are drawn in each state.
class ShopMoment {
  public:
    ShopMoment(const ShopWorld& world, std::size_t day, ShopDue due);

    std::size_t day() const { return day_; }
    // The probability of a category in a state.
    double category(std::size_t category, std::size_t state) const {
        return shown_ < 0 ? coupon_share(category) + (1 - coupon_weight_) * table_[state * categories_ + category]
                          : double(static_cast<std::size_t>(shown_) == category);
    }
    // From now on, a coupon was taken, or a search has shown the category.
    void take_coupon(std::size_t category) { coupon_ = category, coupon_weight_ = 0.7; }
    void show(std::size_t category) { shown_ = static_cast<int>(category); }

    // The probability of each item, of states with these probabilities.
    std::vector<double> items(const ShopStates& states) const;
    // The probability of one item in each state.
    ShopStates item_by_state(std::size_t item) const;
    // That of each query or, without their shares, of each category.
    std::vector<double> queries(const ShopStates& states) const;
    std::vector<double> categories(const ShopStates& states) const;

  private:
    double coupon_share(std::size_t category) const { return category == coupon_ ? coupon_weight_ : 0; }
    double due_share(std::size_t category) const { return due_.categories[category] / (due_.categories[category] + 1); }
    double due_of(std::size_t item) const;

    const ShopWorld& world_;
    std::size_t day_, categories_;
    ShopDue due_;
    std::vector<double> table_;  // [states, categories] before coupons and searches
    std::size_t coupon_ = 0;
    double coupon_weight_ = 0;
    int shown_ = -1;
};

// Probabilities of the hidden state, by Bayes' rule.
class ShopBelief {
  public:
    // All kinds and tastes are equally likely.
    ShopBelief() { states_.fill(1.0 / shop_states); }
    const ShopStates& states() const { return states_; }
    // A session begins: with this probability, the active taste becomes one of the others.
    void switch_tastes(double probability);
    // Takes an event with these probabilities in the states into account.
    void observe(const ShopStates& likelihood);

  private:
    ShopStates states_;
};

}  // namespace kvmem
