#include "tasks/recommendation/synth/shop_world.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

static constexpr double season_days = 60;  // from peak to peak

static std::size_t below(Rng& rng, std::size_t n) { return static_cast<std::size_t>(rng.below(static_cast<Index>(n))); }

static double bell(double distance, double width) { return std::exp(-0.5 * distance * distance / (width * width)); }

ShopWorld::ShopWorld(const SynthShop& options) : off_(options.off), days_(static_cast<std::size_t>(options.days)) {
    Rng rng(options.seed, {0});
    const auto count = static_cast<std::size_t>(options.items);
    make_categories(rng, std::clamp<std::size_t>(count / 50, 4, 40));
    make_items(rng, count);
    make_kinds(rng);
    sum_up();
}

void ShopWorld::make_categories(Rng& rng, std::size_t count) {
    for (std::size_t c = 0; c < count; ++c) {
        const double lag = 2 + 6 * rng.uniform(), period = 10 + 20 * rng.uniform(), peak = season_days * rng.uniform();
        categories.push_back({.consumable = c % 3 == 0,
                              .complement = (c + 1 + below(rng, count - 1)) % count,
                              .lag = lag,
                              .period = period,
                              .peak = c % 2 == 0 ? peak : -1,
                              .items = {}});
    }
}

void ShopWorld::make_items(Rng& rng, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const double before = rng.uniform(), during = rng.uniform(), is_late = rng.uniform();
        const auto days = static_cast<double>(days_);
        // Each category has an item from the beginning.
        const bool late = has(ShopEffect::late_items) && is_late < 0.3 && i >= categories.size();
        items.push_back({.category = i % categories.size(),
                         .brand = below(rng, shop_brands),
                         .price = below(rng, shop_prices),
                         .complement = 0,
                         .base = std::exp(rng.normal()),
                         .birth = static_cast<int>(late ? days * during : -days * before),
                         .half_life = 20 * std::exp(0.7 * rng.normal())});
        categories[items[i].category].items.push_back(i);
    }
    for (ShopItem& item : items) {
        const auto& others = categories[categories[item.category].complement].items;
        item.complement = others[below(rng, others.size())];
    }
}

void ShopWorld::make_kinds(Rng& rng) {
    const std::size_t count = categories.size();
    kinds.resize(shop_kinds);
    for (ShopKind& kind : kinds) {
        for (std::vector<double>& taste : kind.tastes) {
            const bool has_tastes = has(ShopEffect::tastes);
            taste.assign(count, (has_tastes ? 0.15 : 1) / static_cast<double>(count));
            const std::size_t first = below(rng, count), second = below(rng, count);
            if (!has_tastes) continue;
            taste[first] += 0.6;
            taste[second] += 0.25;
        }
        const std::size_t liked = below(rng, shop_brands), level = below(rng, shop_prices);
        for (std::size_t b = 0; b < shop_brands; ++b)
            kind.brands[b] = has(ShopEffect::brands) && (b == liked || b == (liked + 5) % shop_brands) ? 4 : 1;
        for (std::size_t p = 0; p < shop_prices; ++p)
            kind.prices[p] =
                has(ShopEffect::prices) ? std::exp(-std::abs(static_cast<double>(p) - static_cast<double>(level))) : 1;
    }
}

// The sums that every event needs, of each day.
void ShopWorld::sum_up() {
    popularity_.assign(days_ * items.size(), 0);
    totals_.assign(days_ * categories.size() * shop_kinds, 0);
    born_.assign(days_, 0);
    for (std::size_t day = 0; day < days_; ++day)
        for (std::size_t i = 0; i < items.size(); ++i) {
            if (!is_born(i, day)) continue;
            const ShopItem& item = items[i];
            const double age = static_cast<double>(day) - item.birth;
            const double fresh = has(ShopEffect::popularity) ? std::exp2(-age / item.half_life) + 0.02 : 1;
            popularity_[day * items.size() + i] = item.base * fresh;
            born_[day] += 1;
            for (std::size_t kind = 0; kind < shop_kinds; ++kind)
                totals_[(day * categories.size() + item.category) * shop_kinds + kind] += weight(i, kind, day);
        }
}

double ShopWorld::season(std::size_t category, std::size_t day) const {
    const double peak = categories[category].peak;
    if (peak < 0 || !has(ShopEffect::seasons)) return 1;
    const double phase = std::fmod(static_cast<double>(day) - peak + 1000 * season_days, season_days);
    return 1 + 5 * bell(std::min(phase, season_days - phase), 6);
}

double ShopWorld::complement_due(std::size_t item, double after) const {
    const ShopCategory& category = categories[items[item].category];
    return has(ShopEffect::complements) && after < 3 * category.lag ? bell(after - category.lag, category.lag / 3) : 0;
}

double ShopWorld::replenishment_due(std::size_t item, double after) const {
    const ShopCategory& category = categories[items[item].category];
    const bool due = has(ShopEffect::replenishment) && category.consumable && after < 2 * category.period;
    return due ? bell(after - category.period, category.period / 8) : 0;
}

}  // namespace kvmem
