#include "text/similar_spelling.hpp"

#include "text/spelling.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

namespace kvmem {

constexpr Index gram_rows = Index{1} << 16;
constexpr std::size_t max_word_bytes = 40;  // longer texts are no words

// The distinct hashed n-grams of a word.
static std::vector<Token> grams_of(std::string_view word) {
    std::vector<Token> grams;
    if (word.size() > max_word_bytes) return grams;
    add_spelling(word, 0, gram_rows, grams);
    std::ranges::sort(grams);
    grams.erase(std::unique(grams.begin(), grams.end()), grams.end());
    return grams;
}

SimilarSpelling::SimilarSpelling(std::span<const std::string> words) : offsets_(gram_rows + 1), weights_(words.size()) {
    std::vector<std::vector<Token>> grams;
    for (const std::string& word : words)
        for (const Token gram : grams.emplace_back(grams_of(word))) ++offsets_[static_cast<std::size_t>(gram) + 1];
    std::partial_sum(offsets_.begin(), offsets_.end(), offsets_.begin());
    words_.resize(offsets_.back());
    std::vector<std::size_t> ends(offsets_.begin(), offsets_.end() - 1);
    for (std::size_t i = 0; i < words.size(); ++i)
        for (const Token gram : grams[i])
            words_[ends[static_cast<std::size_t>(gram)]++] = static_cast<std::uint32_t>(i);
    for (std::size_t i = 0; i < words.size(); ++i)
        for (const Token gram : grams[i]) weights_[i] += static_cast<float>(weight(gram));
}

std::span<const std::uint32_t> SimilarSpelling::words_with(Token gram) const {
    const auto at = static_cast<std::size_t>(gram);
    return std::span(words_).subspan(offsets_[at], offsets_[at + 1] - offsets_[at]);
}

double SimilarSpelling::weight(Token gram) const {
    const auto all = static_cast<double>(weights_.size()), with = static_cast<double>(words_with(gram).size());
    return std::log(1 + all / (1 + with));
}

std::vector<SimilarWord> SimilarSpelling::find(std::string_view word, std::size_t count, double min_share) const {
    std::unordered_map<std::uint32_t, double> shared;
    double all = 0;
    for (const Token gram : grams_of(word)) {
        all += weight(gram);
        for (const std::uint32_t other : words_with(gram)) shared[other] += weight(gram);
    }
    std::vector<SimilarWord> similar;
    for (const auto& [other, weight] : shared) {
        const double share = weight / std::sqrt(all * double{weights_[other]});
        if (share >= min_share) similar.push_back({other, share});
    }
    std::ranges::sort(similar, [](const SimilarWord& a, const SimilarWord& b) {
        return a.share != b.share ? a.share > b.share : a.word < b.word;
    });
    similar.resize(std::min(similar.size(), count));
    return similar;
}

}  // namespace kvmem
