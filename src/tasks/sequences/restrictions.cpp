#include "tasks/sequences/restrictions.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace kvmem {

void forbid_repeated(std::span<const Token> tokens, Index n, std::span<Real> scores) {
    const Index begin = n - 1;  // the length of what a forbidden token would follow
    if (std::ssize(tokens) < begin) return;
    const auto last = tokens.last(static_cast<std::size_t>(begin));
    for (Index at = 0; at + begin < std::ssize(tokens); ++at)
        if (std::ranges::equal(tokens.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(begin)), last))
            scores[tokens[at + begin]] = -std::numeric_limits<Real>::infinity();
}

void penalize_repeated(std::span<const Token> tokens, double penalty, std::span<Real> log_probabilities) {
    std::vector<Token> distinct(tokens.begin(), tokens.end());
    std::ranges::sort(distinct);
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    for (const Token token : distinct)
        log_probabilities[token] = static_cast<Real>(double{log_probabilities[token]} * penalty);
}

}  // namespace kvmem
