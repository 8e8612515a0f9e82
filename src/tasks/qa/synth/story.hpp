// The base of all makers of stories: the story under construction, and random choices.
#pragma once

#include "kvmem/core/rng.hpp"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem::synth {

using Word = std::string_view;  // of a constant
using Parts = std::initializer_list<std::string_view>;
using Ids = std::vector<int>;  // of lines

constexpr Index questions_per_story = 5;

// The lines of one story in the format of its file.
class Story {
  public:
    // Adds a sentence and gives its id.
    int tell(Parts sentence);
    // Adds a question. `support` are the lines that the answer follows from, in any order.
    void ask(Parts question, std::string_view answer, Ids support);

    Index questions() const { return static_cast<Index>(ends_.size()); }
    // Removes all lines behind the n-th question.
    void cut(Index n);

    const std::string& text() const { return text_; }
    // A hash of the sentences before the first question.
    std::uint64_t opening() const { return opening_; }
    void clear();

  private:
    std::size_t begin_line();

    std::string text_;
    std::vector<std::size_t> ends_;  // of the questions
    std::uint64_t opening_ = 0;
    int lines_ = 0;
};

// Tells a story of one task that ends with a question. The sentences alone, never chance, must decide when the first
// question comes. Stories that go on alike then have the same opening, and belong to the same split.
using Maker = void(Story& story, Rng& rng);

inline bool chance(Rng& rng, double probability) { return rng.uniform() < probability; }

// A random number below n.
inline std::size_t below(Rng& rng, std::size_t n) { return static_cast<std::size_t>(rng.below(static_cast<Index>(n))); }

// A reference to a random item. `items` must not be empty.
template <class Items>
auto& pick(Rng& rng, Items& items) {
    return items[below(rng, std::size(items))];
}

// The numbers below n in random order.
inline std::vector<std::size_t> shuffled(Rng& rng, std::size_t n) {
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    rng.shuffle(std::span(order));
    return order;
}

// n different items in random order.
template <class T>
std::vector<T> sample(Rng& rng, std::span<const T> items, std::size_t n) {
    std::vector<T> all(items.begin(), items.end());
    rng.shuffle(std::span(all));
    all.resize(std::min(n, all.size()));
    return all;
}

template <class T, std::size_t size>
std::vector<T> sample(Rng& rng, const T (&items)[size], std::size_t n) {
    return sample(rng, std::span<const T>(items), n);
}

// A sentence's two halves around a name: "{before} lantern {after}".
struct Phrase {
    Word before, after;
};

}  // namespace kvmem::synth
