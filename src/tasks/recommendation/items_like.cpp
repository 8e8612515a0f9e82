#include "tasks/recommendation/items_like.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace kvmem {

// Adds log((n + 1) / m) to each of the m items that have the value, of n marked ones.
static void add_value(const FeatureColumn& column, Token value, std::span<const std::uint8_t> marked,
                      std::span<double> likeness) {
    std::vector<Token> holders;
    for (Token other = 0; other < column.rows.size(); ++other)
        if (marked[other] && std::ranges::binary_search(column.rows[other], value)) holders.push_back(other);
    const auto all = static_cast<double>(std::ranges::count(marked, 1));
    for (const Token other : holders) likeness[other] += std::log((all + 1) / static_cast<double>(holders.size()));
}

std::vector<LikeItem> items_like(const ObjectGroup& group, Token item, std::span<const std::uint8_t> marked) {
    constexpr Index max = 10;
    std::vector<double> likeness(group.size());
    for (const FeatureColumn& column : group.columns)
        for (const Token value : column.rows[item]) add_value(column, value, marked, likeness);
    std::vector<LikeItem> all;
    for (Token other = 0; other < group.size(); ++other)
        if (likeness[other] > 0) all.emplace_back(other, static_cast<Real>(likeness[other]));
    std::ranges::stable_sort(all, std::greater<>{}, &LikeItem::second);
    all.resize(std::min(std::ssize(all), max));
    double sum = 0;
    for (const LikeItem& like : all) sum += double{like.second};
    for (LikeItem& like : all) like.second /= static_cast<Real>(sum);
    return all;
}

}  // namespace kvmem
