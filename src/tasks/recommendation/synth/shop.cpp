#include "kvmem/core/error.hpp"
#include "kvmem/tasks/recommendation/events_builder.hpp"
#include "tasks/recommendation/synth/shop_customer.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace kvmem {

static constexpr Index day_seconds = 86400;
static constexpr Index opening = 1672531200;  // 2023-01-01
static constexpr double switch_probability = 0.15;
static constexpr double due_strength = 3;  // of what is wholly due, against all tastes together

std::vector<std::string> choices(ShopEffect) {
    return {"tastes",        "switching", "brands",  "prices",   "popularity", "seasons",    "complements",
            "replenishment", "coupons",   "returns", "sessions", "noise",      "late-items", "late-users"};
}

namespace {

// The names of a shop's objects.
struct ShopNames {
    std::vector<std::string> items, queries, coupons;

    explicit ShopNames(const ShopWorld& world) {
        for (std::size_t i = 0; i < world.items.size(); ++i) items.push_back("item-" + std::to_string(i));
        for (std::size_t c = 0; c < world.categories.size(); ++c) {
            for (const char* kind : {"", "good ", "cheap "}) queries.push_back(kind + category(c));
            coupons.push_back("10 % off " + category(c));
        }
    }
    // "tea": categories beyond the first have a number behind their name.
    static std::string category(std::size_t number) {
        constexpr std::array<const char*, 10> names = {"tea",  "lamps", "paper", "soap",  "bread",
                                                       "toys", "shoes", "books", "seeds", "tools"};
        return names[number % 10] + (number < 10 ? std::string() : " " + std::to_string(number / 10 + 1));
    }
};

// A purchase that was not returned.
struct Purchase {
    std::size_t item;
    double day;
};

// Makes one customer's events. The state draws them; the belief gives their probabilities.
class Customer {
  public:
    Customer(const ShopWorld& world, const ShopNames& names, EventsBuilder& builder, std::uint64_t seed, Index number)
        : world_(world),
          names_(names),
          builder_(builder),
          rng_(seed, {1, static_cast<std::uint64_t>(number)}),
          id_("user-" + std::to_string(number)) {}

    void shop();

  private:
    ShopDue due(double day) const;
    void session(double day);
    void return_one(double day);
    void browse(ShopMoment& moment);
    void buy(std::size_t item);
    std::size_t draw(std::span<const double> weights);
    std::size_t draw_from(const std::vector<double>& truth, const std::vector<double>& shown, const char* action,
                          const char* group, const std::vector<std::string>& names);
    void add(const char* action, const char* group, const std::string& object, double probability, double rank);
    void add_one_of(const char* action, const std::vector<std::size_t>& items, const std::vector<double>& believed,
                    std::size_t chosen);
    std::vector<double> cart_weights(const std::vector<std::size_t>& items, const ShopStates& states) const;
    void cart(std::vector<std::size_t> viewed);

    const ShopWorld& world_;
    const ShopNames& names_;
    EventsBuilder& builder_;
    Rng rng_;
    std::string id_;
    std::size_t state_ = 0;  // the true one
    ShopBelief belief_;
    std::vector<Purchase> purchases_;
    Index now_ = 0, last_ = 0;  // seconds since the opening: now, and of the last event
};

}  // namespace

// The rank of a value from 1, ties averaged.
static double rank_of(std::span<const double> values, double value) {
    const auto larger = std::ranges::count_if(values, [value](double other) { return other > value; });
    const auto equal = std::ranges::count(values, value);
    return static_cast<double>(larger) + static_cast<double>(equal + 1) / 2;
}

// All the probability on one state.
static ShopStates only(std::size_t state) {
    ShopStates states{};
    states[state] = 1;
    return states;
}

std::size_t Customer::draw(std::span<const double> weights) {
    double sum = 0, last = 0;
    for (const double weight : weights) sum += weight;
    double left = rng_.uniform() * sum;
    std::size_t drawn = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (weights[i] <= 0) continue;
        drawn = i, last = weights[i];
        if (left < last) break;
        left -= last;
    }
    return drawn;
}

void Customer::add(const char* action, const char* group, const std::string& object, double probability, double rank) {
    builder_.add({.user = id_,
                  .object = object,
                  .time = opening + now_,
                  .group = group,
                  .action = action,
                  .true_probability = std::min(probability, 1.0),
                  .true_rank = rank});
    last_ = now_;
    now_ += 5 + rng_.below(60);
}

// Draws an object by the probabilities of the true state, and adds it with those that an observer knows.
std::size_t Customer::draw_from(const std::vector<double>& truth, const std::vector<double>& shown, const char* action,
                                const char* group, const std::vector<std::string>& names) {
    const std::size_t object = draw(truth);
    add(action, group, names[object], shown[object], rank_of(shown, shown[object]));
    return object;
}

ShopDue Customer::due(double day) const {
    std::map<std::size_t, double> items;
    for (const Purchase& purchase : purchases_) {
        const double after = day - purchase.day;
        const std::size_t complement = world_.items[purchase.item].complement;
        if (const double due = world_.complement_due(purchase.item, after);
            due > 1e-3 && world_.is_born(complement, static_cast<std::size_t>(day)))
            items[complement] += due;
        if (const double due = world_.replenishment_due(purchase.item, after); due > 1e-3) items[purchase.item] += due;
    }
    ShopDue due;
    due.categories.assign(world_.categories.size(), 0);
    for (const auto& [item, calls] : items) {
        const double value = due_strength * calls;
        due.items.emplace_back(item, value);
        due.categories[world_.items[item].category] += value;
        due.total += value;
    }
    return due;
}

void Customer::buy(std::size_t item) {
    const Index day = last_ / day_seconds;
    purchases_.push_back({item, static_cast<double>(day)});
}

// Adds one of some items, all others having probability 0.
void Customer::add_one_of(const char* action, const std::vector<std::size_t>& items,
                          const std::vector<double>& believed, std::size_t chosen) {
    std::map<std::size_t, double> sums;  // an item may be there twice
    double sum = 0;
    for (std::size_t i = 0; i < items.size(); ++i) sums[items[i]] += believed[i], sum += believed[i];
    std::vector<double> probabilities;
    probabilities.reserve(sums.size());
    for (const auto& [item, weight] : sums) probabilities.push_back(weight / sum);
    const double mine = sums[items[chosen]] / sum;
    add(action, "item", names_.items[items[chosen]], mine, rank_of(probabilities, mine));
}

void Customer::return_one(double day) {
    std::vector<std::size_t> recent, at;
    for (std::size_t i = 0; i < purchases_.size(); ++i)
        if (day - purchases_[i].day <= 14) recent.push_back(purchases_[i].item), at.push_back(i);
    if (recent.empty() || rng_.uniform() >= 0.08) return;
    const std::vector<double> equal(recent.size(), 1);
    const std::size_t chosen = draw(equal);
    add_one_of("return", recent, equal, chosen);
    purchases_.erase(purchases_.begin() + static_cast<std::ptrdiff_t>(at[chosen]));
}

// The chance of each item to go to the cart: the mean over the states of its share of their likes.
std::vector<double> Customer::cart_weights(const std::vector<std::size_t>& items, const ShopStates& states) const {
    std::vector<double> weights(items.size());
    for (std::size_t state = 0; state < shop_states; ++state) {
        if (states[state] == 0) continue;
        double sum = 0;
        for (const std::size_t item : items) sum += world_.affinity(item, state / shop_tastes);
        for (std::size_t i = 0; i < items.size(); ++i)
            weights[i] += states[state] * world_.affinity(items[i], state / shop_tastes) / sum;
    }
    return weights;
}

// Puts one or two of the items that were viewed into the cart, and maybe buys them.
void Customer::cart(std::vector<std::size_t> viewed) {
    std::ranges::sort(viewed);
    viewed.erase(std::unique(viewed.begin(), viewed.end()), viewed.end());
    std::vector<std::size_t> carted;
    for (Index left = 1 + rng_.below(2); left > 0 && !viewed.empty(); --left) {
        const std::size_t chosen = draw(cart_weights(viewed, only(state_)));
        add_one_of("cart", viewed, cart_weights(viewed, belief_.states()), chosen);
        ShopStates likelihood;
        for (std::size_t state = 0; state < shop_states; ++state) {
            const bool first = state % shop_tastes == 0;
            likelihood[state] = first ? cart_weights(viewed, only(state))[chosen] : likelihood[state - 1];
        }
        belief_.observe(likelihood);
        carted.push_back(viewed[chosen]);
        viewed.erase(viewed.begin() + static_cast<std::ptrdiff_t>(chosen));
    }
    if (rng_.uniform() >= 0.7) return;
    while (!carted.empty()) {
        const std::vector<double> equal(carted.size(), 1);
        const std::size_t chosen = draw(equal);
        add_one_of("buy", carted, equal, chosen);
        buy(carted[chosen]);
        carted.erase(carted.begin() + static_cast<std::ptrdiff_t>(chosen));
    }
}

void Customer::browse(ShopMoment& moment) {
    const ShopStates truth = only(state_);
    const bool sessions = world_.has(ShopEffect::sessions);
    if (world_.has(ShopEffect::coupons) && rng_.uniform() < 0.15) {
        const std::size_t taken =
            draw_from(moment.categories(truth), moment.categories(belief_.states()), "take", "coupon", names_.coupons);
        ShopStates likelihood;
        for (std::size_t state = 0; state < shop_states; ++state) likelihood[state] = moment.category(taken, state);
        belief_.observe(likelihood);
        moment.take_coupon(taken);
    }
    if (sessions) {
        const std::size_t query =
            draw_from(moment.queries(truth), moment.queries(belief_.states()), "search", "query", names_.queries);
        const std::size_t category = query / shop_queries;
        ShopStates likelihood;
        for (std::size_t state = 0; state < shop_states; ++state) likelihood[state] = moment.category(category, state);
        belief_.observe(likelihood);
        moment.show(category);
    }
    std::vector<std::size_t> viewed;
    for (Index left = sessions ? 1 + rng_.below(4) : 1; left > 0; --left) {
        const std::size_t item = draw_from(moment.items(truth), moment.items(belief_.states()),
                                           sessions ? "view" : "buy", "item", names_.items);
        belief_.observe(moment.item_by_state(item));
        viewed.push_back(item);
    }
    if (!sessions)
        buy(viewed.front());
    else if (rng_.uniform() < 0.6)
        cart(std::move(viewed));
}

void Customer::session(double day) {
    if (world_.has(ShopEffect::switching)) {
        belief_.switch_tastes(switch_probability);
        if (rng_.uniform() < switch_probability) {
            const std::size_t kind = state_ / shop_tastes, taste = state_ % shop_tastes;
            state_ =
                kind * shop_tastes + (taste + 1 + static_cast<std::size_t>(rng_.below(shop_tastes - 1))) % shop_tastes;
        }
    }
    if (world_.has(ShopEffect::returns)) return_one(day);
    ShopMoment moment(world_, static_cast<std::size_t>(day), due(day));
    browse(moment);
}

void Customer::shop() {
    const auto days = static_cast<double>(world_.days());
    state_ = static_cast<std::size_t>(rng_.below(shop_states));
    const double late = rng_.uniform(), joined = rng_.uniform(), gap = 2 + 8 * rng_.uniform();
    double day = world_.has(ShopEffect::late_users) && late < 0.3 ? joined * days : 0;
    for (;;) {
        day = std::max(day - gap * std::log(1 - rng_.uniform()), static_cast<double>(now_) / day_seconds);
        if (day >= days) return;
        now_ = static_cast<Index>(day * day_seconds);
        const Index whole = now_ / day_seconds;
        if (whole >= static_cast<Index>(world_.days())) return;
        session(static_cast<double>(whole));
    }
}

static void require_range(Index value, Index min, Index max, const char* option) {
    const std::string expected = std::to_string(min) + " to " + std::to_string(max);
    require_option(value >= min && value <= max, option, expected.c_str());
}

// Adds all objects with their features, so that their numbers are those of the shop.
static void add_objects(EventsBuilder& builder, const ShopWorld& world, const ShopNames& names) {
    for (std::size_t i = 0; i < world.items.size(); ++i) {
        const ShopItem& item = world.items[i];
        const Token number = builder.object("item", names.items[i]);
        builder.add_value("item", number, "category", ShopNames::category(item.category));
        builder.add_value("item", number, "brand", "brand-" + std::to_string(item.brand));
        builder.add_value("item", number, "price", "level-" + std::to_string(item.price + 1));
    }
    for (std::size_t q = 0; q < names.queries.size(); ++q)
        builder.add_value("query", builder.object("query", names.queries[q]), "category",
                          ShopNames::category(q / shop_queries));
    for (std::size_t c = 0; c < names.coupons.size(); ++c)
        builder.add_value("coupon", builder.object("coupon", names.coupons[c]), "category", ShopNames::category(c));
}

EventsDataset make_shop(const SynthShop& options) {
    require_range(options.users, 1, 1'000'000, "users");
    require_range(options.items, 20, 100'000, "items");
    require_range(options.days, 30, 3650, "days");
    const ShopWorld world(options);
    const ShopNames names(world);
    EventsBuilder builder;
    add_objects(builder, world, names);
    for (Index user = 0; user < options.users; ++user) Customer(world, names, builder, options.seed, user).shop();
    EventsDataset dataset = builder.finish();
    dataset.info = {.title = "a shop made up", .source = "kvmem synth shop", .license = "CC0-1.0"};
    return dataset;
}

std::vector<BestReachable> best_reachable(const EventsDataset& dataset, EventMark mark) {
    const Events& events = dataset.events;
    std::vector<BestReachable> best;
    for (const std::string& action : dataset.actions) best.push_back({.action = action});
    best.push_back({.action = "all"});
    for (const Index event : events.marked(mark)) {
        const auto i = static_cast<std::size_t>(event);
        if (events.true_rank.empty() || events.true_rank[i] == 0) continue;
        for (BestReachable* row : {&best[events.action[i]], &best.back()}) {
            ++row->targets;
            row->hit_at_10 += events.true_rank[i] <= 10;
            row->log_loss -= std::log(events.true_probability[i]);
        }
    }
    std::erase_if(best, [](const BestReachable& row) { return row.targets == 0; });
    for (BestReachable& row : best) {
        row.hit_at_10 /= static_cast<double>(row.targets);
        row.log_loss /= static_cast<double>(row.targets);
    }
    return best;
}

}  // namespace kvmem
