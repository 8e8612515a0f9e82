// Weights of slots as scores of the candidates that are their values. Not installed.
#pragma once

#include "kvmem/tasks/qa/batch.hpp"
#include "kvmem/tasks/qa/lexicon.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

// Adds log(1 + m w) to the score of each candidate, where w is the sum of the weights of the slots with this value.
inline void add_slot_weights(const Lexicon& lexicon, const Batch& batch, std::span<const Real> weight, double m,
                             View scores) {
    std::vector<std::pair<Index, Real>> matched;  // the candidates among one example's values, with their weights
    for (Index i = 0; i < batch.size(); ++i) {
        matched.clear();
        const auto [first, last] = batch.slots_of(i);
        for (Index s = first; s < last; ++s)
            if (const Index candidate = lexicon.candidate(batch.slots.value[s]); candidate >= 0)
                matched.emplace_back(candidate, weight[s]);
        std::stable_sort(matched.begin(), matched.end(), [](auto& a, auto& b) { return a.first < b.first; });
        for (std::size_t k = 0; k < matched.size();) {
            const Index candidate = matched[k].first;
            double sum = 0;
            for (; k < matched.size() && matched[k].first == candidate; ++k) sum += matched[k].second;
            scores(i, candidate) += static_cast<Real>(std::log1p(m * sum));
        }
    }
}

}  // namespace kvmem
