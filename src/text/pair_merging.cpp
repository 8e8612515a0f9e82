#include "text/pair_merging.hpp"

#include <algorithm>
#include <unordered_map>

namespace kvmem {

using Merge = Units::Merge;

namespace {

struct MergeHash {
    std::size_t operator()(Merge pair) const {
        const auto both = static_cast<std::uint64_t>(pair.first) << 32 | static_cast<std::uint32_t>(pair.second);
        return static_cast<std::size_t>((both ^ both >> 29) * 0xbf58476d1ce4e5b9u >> 16);
    }
};

// Words while pairs in them are merged, one after the other in an array. A token stands where its first byte stood.
class Merger {
  public:
    Merger(std::span<const CountedText> words, Token first_byte) : lengths_(first_byte + Units::bytes, 1) {
        add(edge, 0);
        for (const auto& [text, count] : words) {
            for (const char byte : text) add(first_byte + static_cast<unsigned char>(byte), count);
            add(edge, 0);
        }
        for (std::size_t at = 1; at + 1 < tokens_.size(); ++at) count_pair(at, 1);
        push_counted();
    }

    // Sets `pair` to the one that occurs most often. Returns false when none occurs twice.
    bool next(Merge& pair) {
        while (!candidates_.empty()) {
            const Candidate top = candidates_.top();
            candidates_.pop();
            const Index count = pairs_[top.pair].count;
            if (count == top.count) return pair = top.pair, true;
            push(top.pair, count);  // it occurs less often than when it was pushed
        }
        return false;
    }

    // Makes a new token of each such pair.
    void merge(Merge pair) {
        const auto merged = static_cast<Token>(lengths_.size());
        lengths_.push_back(length(pair));
        std::vector<std::size_t> places = std::move(pairs_[pair].places);
        std::ranges::sort(places);
        for (const std::size_t at : places)
            if (pair_at(at) == pair) merge_at(at, merged);
        pairs_.erase(pair);
        push_counted();
    }

  private:
    static constexpr Token edge = 0, inside = -1;  // between two words; inside a merged token

    struct Pair {
        Index count = 0;
        std::vector<std::size_t> places;  // all where it is, and some where it was
    };
    struct Candidate {
        Index count;
        Merge pair;
        bool operator<(const Candidate& other) const {
            return count != other.count ? count < other.count : pair > other.pair;
        }
    };

    void add(Token token, Index count) {
        tokens_.push_back(token);
        counts_.push_back(count);
    }

    std::size_t length(Merge pair) const { return lengths_[index(pair.first)] + lengths_[index(pair.second)]; }
    static std::size_t index(Token token) { return static_cast<std::size_t>(token); }
    std::size_t after(std::size_t at) const { return at + lengths_[index(tokens_[at])]; }
    std::size_t before(std::size_t at) const {
        do --at;
        while (tokens_[at] == inside);
        return at;
    }

    // The pair that begins here, of two edges where none does.
    Merge pair_at(std::size_t at) const {
        if (tokens_[at] <= edge || tokens_[after(at)] == edge) return {edge, edge};
        return {tokens_[at], tokens_[after(at)]};
    }

    void count_pair(std::size_t at, int sign) {
        const Merge pair = pair_at(at);
        if (pair.first == edge) return;
        Pair& counted = pairs_[pair];
        counted.count += sign * counts_[at];
        if (sign < 0) return;
        counted.places.push_back(at);
        counted_.push_back(pair);
    }

    void merge_at(std::size_t at, Token merged) {
        const std::size_t left = before(at), right = after(at);
        count_pair(left, -1), count_pair(right, -1);
        tokens_[at] = merged, tokens_[right] = inside;
        count_pair(left, 1), count_pair(at, 1);
    }

    void push(Merge pair, Index count) {
        if (count > 1 && length(pair) <= Units::max_merged) candidates_.push({count, pair});
    }

    // Makes candidates of the pairs whose counts have grown.
    void push_counted() {
        std::ranges::sort(counted_);
        counted_.erase(std::unique(counted_.begin(), counted_.end()), counted_.end());
        for (const Merge& pair : counted_) push(pair, pairs_[pair].count);
        counted_.clear();
    }

    std::vector<std::size_t> lengths_;  // of all tokens, in bytes; also of the edge
    std::vector<Token> tokens_;         // of all words
    std::vector<Index> counts_;         // of the word of each token
    std::unordered_map<Merge, Pair, MergeHash> pairs_;
    std::priority_queue<Candidate> candidates_;
    std::vector<Merge> counted_;
};

}  // namespace

std::vector<Merge> learn_merges(std::span<const CountedText> words, Token first_byte, Index count) {
    Merger merger(words, first_byte);
    std::vector<Merge> merges;
    for (Merge pair; std::cmp_less(merges.size(), count) && merger.next(pair); merges.push_back(pair))
        merger.merge(pair);
    return merges;
}

}  // namespace kvmem
