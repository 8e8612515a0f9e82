#include "tasks/recommendation/items_like.hpp"

#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

// For each value of a column the marked items that have it.
static std::vector<std::vector<Token>> holders_of(const FeatureColumn& column, std::span<const std::uint8_t> marked) {
    std::vector<std::vector<Token>> holders;
    for (Token item = 0; item < column.rows.size(); ++item)
        for (const Token value : column.rows[item]) {
            if (value >= std::ssize(holders)) holders.resize(static_cast<std::size_t>(value) + 1);
            if (marked[item]) holders[value].push_back(item);
        }
    return holders;
}

// The sums become weights, of the best ones alone.
static void choose_best(std::vector<LikeItem>& like) {
    constexpr Index max = 10;
    const auto end = like.begin() + std::min(std::ssize(like), max);
    std::partial_sort(like.begin(), end, like.end(), [](const LikeItem& a, const LikeItem& b) {
        return a.second > b.second || (a.second == b.second && a.first < b.first);
    });
    like.erase(end, like.end());
    double sum = 0;
    for (const LikeItem& one : like) sum += double{one.second};
    for (LikeItem& one : like) one.second /= static_cast<Real>(sum);
}

std::vector<std::vector<LikeItem>> items_like(const ObjectGroup& group, std::span<const Token> items,
                                              std::span<const std::uint8_t> marked) {
    const auto all = static_cast<double>(std::ranges::count(marked, 1));
    std::vector<std::vector<std::vector<Token>>> holders;  // of each column
    for (const FeatureColumn& column : group.columns) holders.push_back(holders_of(column, marked));
    std::vector<std::vector<LikeItem>> likes(items.size());
    parallel_for(std::ssize(items), 64, [&](Index first, Index last) {
        std::vector<double> sums(static_cast<std::size_t>(group.size()));
        std::vector<Token> found;
        for (Index i = first; i < last; ++i) {
            for (std::size_t c = 0; c < group.columns.size(); ++c)
                for (const Token value : group.columns[c].rows[items[i]]) {
                    const std::vector<Token>& having = holders[c][value];
                    if (having.empty()) continue;
                    const double rarity = std::log((all + 1) / static_cast<double>(having.size()));
                    for (const Token other : having) {
                        if (sums[other] == 0) found.push_back(other);
                        sums[other] += rarity;
                    }
                }
            for (const Token other : found) likes[i].emplace_back(other, static_cast<Real>(sums[other]));
            for (const Token other : found) sums[other] = 0;
            found.clear();
            choose_best(likes[i]);
        }
    });
    return likes;
}

}  // namespace kvmem
