#include "tasks/sequences/synth/makers.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace kvmem::synth {

namespace {

// Numbers, and the positions of those of the target.
struct Numbers {
    std::vector<Index> drawn;
    std::vector<std::size_t> order;

    explicit Numbers(Rng& rng) : drawn(static_cast<std::size_t>(1 + rng.below(25))), order(drawn.size()) {
        for (Index& number : drawn) number = rng.below(50);
        std::iota(order.begin(), order.end(), std::size_t{0});
    }

    MadePair pair() const {
        MadePair made;
        const auto append = [](std::string& text, Index number) {
            text += (text.empty() ? "" : " ") + std::to_string(number);
        };
        for (const Index number : drawn) append(made.source, number);
        for (const std::size_t at : order) {
            append(made.target, drawn[at]);
            if (std::ranges::count(drawn, drawn[at]) == 1 || !sorted)
                made.origins.values.push_back(static_cast<Index>(at));
            made.origins.end_row();
        }
        return made;
    }

    bool sorted = false;  // so that only positions of numbers that occur once are known
};

}  // namespace

MadePair make_copy(Rng& rng) { return Numbers(rng).pair(); }

MadePair make_reverse(Rng& rng) {
    Numbers numbers(rng);
    std::ranges::reverse(numbers.order);
    return numbers.pair();
}

MadePair make_sort(Rng& rng) {
    Numbers numbers(rng);
    std::ranges::sort(numbers.order, {}, [&](std::size_t at) { return numbers.drawn[at]; });
    numbers.sorted = true;
    return numbers.pair();
}

MadePair make_sum(Rng& rng) {
    constexpr Index limits[] = {10, 100, 1000};
    const Index a = rng.below(limits[rng.below(3)]), b = rng.below(limits[rng.below(3)]);
    return {std::to_string(a) + "+" + std::to_string(b), std::to_string(a + b), {}};
}

}  // namespace kvmem::synth
