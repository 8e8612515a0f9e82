#include "tasks/recommendation/synth/shop_customer.hpp"

#include <algorithm>

namespace kvmem {

ShopMoment::ShopMoment(const ShopWorld& world, std::size_t day, ShopDue due)
    : world_(world), day_(day), categories_(world.categories.size()), due_(std::move(due)) {
    table_.resize(shop_states * categories_);
    for (std::size_t state = 0; state < shop_states; ++state) {
        const auto row = std::span(table_).subspan(state * categories_, categories_);
        const std::vector<double>& taste = world.kinds[state / shop_tastes].tastes[state % shop_tastes];
        double sum = 0;
        for (std::size_t c = 0; c < categories_; ++c) sum += row[c] = taste[c] * world.season(c, day);
        for (std::size_t c = 0; c < categories_; ++c) {
            const double drawn = (row[c] / sum + due_.categories[c]) / (1 + due_.total);
            row[c] = (1 - world.noise()) * drawn + world.noise() / static_cast<double>(categories_);
        }
    }
}

double ShopMoment::due_of(std::size_t item) const {
    const auto at = std::ranges::lower_bound(due_.items, item, {}, [](const auto& entry) { return entry.first; });
    return at != due_.items.end() && at->first == item ? at->second : 0;
}

ShopStates ShopMoment::item_by_state(std::size_t item) const {
    const std::size_t c = world_.items[item].category;
    const bool born = world_.is_born(item, day_);
    const double due = due_.categories[c] > 0 ? due_share(c) * due_of(item) / due_.categories[c] : 0;
    ShopStates likelihood;
    for (std::size_t state = 0; state < shop_states; ++state) {
        const std::size_t kind = state / shop_tastes;
        const double by_weight = world_.weight(item, kind, day_) / world_.total(c, kind, day_);
        likelihood[state] = (1 - world_.noise()) * category(c, state) * ((1 - due_share(c)) * by_weight + due) +
                            (born ? world_.noise() / world_.born(day_) : 0);
    }
    return likelihood;
}

std::vector<double> ShopMoment::items(const ShopStates& states) const {
    std::vector<double> probabilities(world_.items.size());
    for (std::size_t c = 0; c < categories_; ++c) {
        std::array<double, shop_kinds> kinds{};  // the probability of the category with each kind
        double all = 0;
        for (std::size_t state = 0; state < shop_states; ++state) {
            const double both = states[state] * category(c, state);
            kinds[state / shop_tastes] += both;
            all += both;
        }
        if (all == 0) continue;
        for (const std::size_t item : world_.categories[c].items) {
            double sum = 0;
            for (std::size_t kind = 0; kind < shop_kinds; ++kind)
                if (kinds[kind] > 0) sum += kinds[kind] * world_.weight(item, kind, day_) / world_.total(c, kind, day_);
            probabilities[item] = (1 - world_.noise()) * (1 - due_share(c)) * sum;
        }
        if (due_.categories[c] == 0) continue;
        for (const auto& [item, due] : due_.items)
            if (world_.items[item].category == c)
                probabilities[item] += (1 - world_.noise()) * due_share(c) * all * due / due_.categories[c];
    }
    for (std::size_t item = 0; item < probabilities.size(); ++item)
        if (world_.is_born(item, day_)) probabilities[item] += world_.noise() / world_.born(day_);
    return probabilities;
}

std::vector<double> ShopMoment::categories(const ShopStates& states) const {
    std::vector<double> probabilities(categories_);
    for (std::size_t state = 0; state < shop_states; ++state)
        if (states[state] > 0)
            for (std::size_t c = 0; c < categories_; ++c) probabilities[c] += states[state] * category(c, state);
    return probabilities;
}

std::vector<double> ShopMoment::queries(const ShopStates& states) const {
    std::vector<double> probabilities;
    for (const double category : categories(states))
        for (const double share : query_shares) probabilities.push_back(category * share);
    return probabilities;
}

void ShopBelief::switch_tastes(double probability) {
    for (std::size_t kind = 0; kind < shop_kinds; ++kind) {
        const auto tastes = std::span(states_).subspan(kind * shop_tastes, shop_tastes);
        double all = 0;
        for (const double taste : tastes) all += taste;
        for (double& taste : tastes)
            taste = (1 - probability) * taste + probability * (all - taste) / (shop_tastes - 1);
    }
}

void ShopBelief::observe(const ShopStates& likelihood) {
    double sum = 0;
    for (std::size_t state = 0; state < shop_states; ++state) sum += states_[state] *= likelihood[state];
    for (double& state : states_) state /= sum;
}

}  // namespace kvmem
