#include "kvmem/io/word_vectors.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/number_table.hpp"
#include "kvmem/text/tokenizer.hpp"
#include "text/similar_spelling.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <utility>

namespace kvmem {

struct WordVectors::Impl {
    Impl(std::vector<std::string> texts, Matrix numbers);
    NumberTable::Number exact(std::string_view word) const;
    NumberTable::Number lower(std::string_view lower) const;  // the word itself, or one that it is the lower case of
    const SimilarSpelling& spelling() const;

    std::vector<std::string> words;
    Matrix vectors;

  private:
    NumberTable rows_, lower_rows_;  // by the word; by its lower case, if that is another text
    mutable std::once_flag indexed_;
    mutable std::optional<SimilarSpelling> spelling_;
};

static std::uint64_t hash_of(std::string_view word) { return std::hash<std::string_view>{}(word); }

static Error bad_words(const std::string& expected, const std::string& got) {
    return Error({.what = "these are no word vectors", .expected = expected, .got = got});
}

// Throws Error for no word and for numbers that are not finite.
static void require_usable(const std::string& word, std::span<const Real> vector, Index row) {
    const std::string where = " in row " + std::to_string(row);
    if (word.empty()) throw bad_words("a word for each vector", "an empty one" + where);
    if (invalid_utf8_at(word) != word.npos) throw bad_words("words in UTF-8", "another text" + where);
    const auto broken = std::ranges::find_if_not(vector, [](Real x) { return std::isfinite(x); });
    if (broken != vector.end()) throw bad_words("finite numbers", std::to_string(*broken) + where);
}

WordVectors::Impl::Impl(std::vector<std::string> texts, Matrix numbers)
    : words(std::move(texts)), vectors(std::move(numbers)) {
    if (std::ssize(words) != vectors.rows() || std::ssize(words) > std::numeric_limits<NumberTable::Number>::max())
        throw bad_words(std::to_string(vectors.rows()) + " words", std::to_string(words.size()));
    for (NumberTable::Number row = 0; row < std::ssize(words); ++row) {
        const std::string& word = words[static_cast<std::size_t>(row)];
        require_usable(word, vectors.view().middle_rows(row, 1).span(), row);
        if (exact(word) < 0) rows_.add(hash_of(word), row);
        const std::string small = to_lower(word);
        if (small != word && lower(small) < 0) lower_rows_.add(hash_of(small), row);
    }
}

NumberTable::Number WordVectors::Impl::exact(std::string_view word) const {
    return rows_.find(hash_of(word), [&](auto row) { return words[static_cast<std::size_t>(row)] == word; });
}

NumberTable::Number WordVectors::Impl::lower(std::string_view lower) const {
    const auto same = exact(lower);
    if (same >= 0) return same;
    return lower_rows_.find(hash_of(lower),
                            [&](auto row) { return to_lower(words[static_cast<std::size_t>(row)]) == lower; });
}

const SimilarSpelling& WordVectors::Impl::spelling() const {
    std::call_once(indexed_, [&] { spelling_.emplace(words); });
    return *spelling_;
}

WordVectors::WordVectors() : WordVectors({}, {}) {}
WordVectors::WordVectors(std::vector<std::string> words, Matrix vectors)
    : impl_(std::make_shared<const Impl>(std::move(words), std::move(vectors))) {}

Index WordVectors::size() const { return impl_->vectors.rows(); }
Index WordVectors::width() const { return impl_->vectors.cols(); }
const std::vector<std::string>& WordVectors::words() const { return impl_->words; }
ConstView WordVectors::matrix() const { return impl_->vectors; }

std::optional<Index> WordVectors::row(std::string_view word) const {
    auto found = impl_->exact(word);
    if (found < 0) found = impl_->lower(to_lower(word));
    return found < 0 ? std::nullopt : std::optional<Index>(found);
}

std::span<const Real> WordVectors::find(std::string_view word) const {
    const std::optional<Index> found = row(word);
    return found ? matrix().middle_rows(*found, 1).span() : std::span<const Real>();
}

// Adds a multiple of one vector to another.
static void add_scaled(std::span<Real> sum, double scale, std::span<const Real> vector) {
    for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += static_cast<Real>(scale * double{vector[j]});
}

// The words of most similar spelling, and the share that they have to have.
constexpr std::size_t similar_words = 3;
constexpr double min_share = 0.4;

// Adds the mean over words of similar spelling, weighted by their shares; returns false for none.
static bool add_similar(const SimilarSpelling& spelling, ConstView vectors, std::string_view word,
                        std::span<Real> sum) {
    const std::vector<SimilarWord> similar = spelling.find(to_lower(word), similar_words, min_share);
    double all = 0;
    for (const SimilarWord& s : similar) all += s.share;
    for (const SimilarWord& s : similar) add_scaled(sum, s.share / all, vectors.middle_rows(s.word, 1).span());
    return !similar.empty();
}

bool WordVectors::estimate(std::string_view text, std::span<Real> out) const {
    require_shape(std::ssize(out) == width(), "WordVectors::estimate", "as many numbers as a vector has");
    std::ranges::fill(out, Real{0});
    if (const auto whole = find(text); !whole.empty()) {
        std::ranges::copy(whole, out.begin());
        return true;
    }
    const std::vector<Word> words = invalid_utf8_at(text) == text.npos ? split_words(text) : std::vector<Word>();
    Index found = 0;
    for (const Word& word : words)
        if (const auto vector = find(word.text); !vector.empty()) ++found, add_scaled(out, 1, vector);
    if (found == 0)
        for (const Word& word : words) found += add_similar(impl_->spelling(), matrix(), word.text, out);
    for (Real& x : out) x /= static_cast<Real>(std::max<Index>(found, 1));
    return found > 0;
}

}  // namespace kvmem
