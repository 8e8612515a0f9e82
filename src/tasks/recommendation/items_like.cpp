#include "tasks/recommendation/items_like.hpp"

#include <algorithm>
#include <functional>

namespace kvmem {

// The share of the values of two items that both have.
static double share_in_common(const ObjectGroup& group, Token a, Token b) {
    Index common = 0, all = 0;
    for (const FeatureColumn& column : group.columns) {
        const std::span<const Token> x = column.rows[a], y = column.rows[b];
        for (const Token value : x) common += std::ranges::binary_search(y, value);
        all += std::ssize(x) + std::ssize(y);
    }
    return common == 0 ? 0 : static_cast<double>(common) / static_cast<double>(all - common);
}

std::vector<LikeItem> items_like(const ObjectGroup& group, Token item, std::span<const std::uint8_t> marked) {
    constexpr Index max = 50;
    std::vector<LikeItem> all;
    for (Token other = 0; other < group.size(); ++other)
        if (marked[other])
            if (const double share = share_in_common(group, item, other); share > 0)
                all.emplace_back(other, static_cast<Real>(share));
    std::ranges::stable_sort(all, std::greater<>{}, &LikeItem::second);
    all.resize(std::min(std::ssize(all), max));
    double sum = 0;
    for (const LikeItem& like : all) sum += double{like.second};
    for (LikeItem& like : all) like.second /= static_cast<Real>(sum);
    return all;
}

}  // namespace kvmem
