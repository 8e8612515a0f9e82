#include "tasks/qa/near_words.hpp"

#include "kvmem/kernels/gemm.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

// Words of less cosine have other meanings more often than not.
constexpr auto min_cosine = static_cast<Real>(0.45);

// Neighbours are among the first words: rarer ones have vectors of little evidence.
constexpr Index frequent_words = 40'000;

// The mean of the rows.
static std::vector<Real> mean_of(ConstView vectors) {
    std::vector<double> sum(static_cast<std::size_t>(vectors.cols), 0);
    for (Index i = 0; i < vectors.rows; ++i)
        for (Index j = 0; j < vectors.cols; ++j) sum[static_cast<std::size_t>(j)] += double{vectors(i, j)};
    std::vector<Real> mean(sum.size());
    for (std::size_t j = 0; j < sum.size(); ++j)
        mean[j] = static_cast<Real>(sum[j] / static_cast<double>(vectors.rows));
    return mean;
}

NearWords::NearWords(WordVectors vectors, const Vocabulary& vocabulary)
    : vectors_(std::move(vectors)), mean_(mean_of(vectors_.matrix())) {
    for (Index i = 0; i < std::min(frequent_words, vectors_.size()); ++i) {
        double square = 1e-30;
        for (Index j = 0; j < vectors_.width(); ++j) {
            const double x = double{vectors_.matrix()(i, j)} - double{mean_[static_cast<std::size_t>(j)]};
            square += x * x;
        }
        inverse_norms_.push_back(1 / std::sqrt(square));
    }
    for (Token token = 0; token < vocabulary.size(); ++token)
        if (vocabulary.kind(token) == TokenKind::word && vocabulary.count(token) > 0 &&
            vectors_.row(vocabulary.text(token)))
            tokens_.push_back(token);
    directions_ = Matrix(std::ssize(tokens_), vectors_.width());
    for (Index i = 0; i < directions_.rows(); ++i)
        direction(vocabulary.text(tokens_[static_cast<std::size_t>(i)]), directions_.view().middle_rows(i, 1).span());
}

bool NearWords::direction(std::string_view word, std::span<Real> out) const {
    return vectors_.estimate(word, out) && normalize(out);
}

bool NearWords::direction(Index row, std::span<Real> out) const {
    std::ranges::copy(vectors_.matrix().middle_rows(row, 1).span(), out.begin());
    return normalize(out);
}

bool NearWords::normalize(std::span<Real> out) const {
    double norm = 0;
    for (std::size_t j = 0; j < out.size(); ++j) out[j] -= mean_[j], norm += double{out[j]} * double{out[j]};
    const bool has_direction = norm > 0 && std::isfinite(norm);  // numbers near the largest one may overflow
    for (Real& x : out) x = has_direction ? static_cast<Real>(double{x} / std::sqrt(norm)) : 0;
    return has_direction;
}

std::vector<Index> NearWords::neighbours(Index row) const {
    constexpr std::size_t max_neighbours = 10;
    constexpr double min_neighbour_cosine = 0.5;
    const ConstView frequent = vectors_.matrix().middle_rows(0, std::min(frequent_words, vectors_.size()));
    Matrix word(1, vectors_.width()), products(1, frequent.rows);
    direction(row, word.view().span());
    gemm(1, word, Transpose::no, frequent, Transpose::yes, 0, products);
    double of_mean = 0;
    for (std::size_t j = 0; j < mean_.size(); ++j) of_mean += double{mean_[j]} * double{word.data()[j]};
    std::vector<std::pair<double, Index>> near;
    for (Index i = 0; i < frequent.rows; ++i) {
        const double cosine = (double{products(0, i)} - of_mean) * inverse_norms_[static_cast<std::size_t>(i)];
        if (i != row && cosine > min_neighbour_cosine) near.emplace_back(-cosine, i);
    }
    std::ranges::sort(near);
    near.resize(std::min(near.size(), max_neighbours));
    std::vector<Index> rows(near.size());
    std::ranges::transform(near, rows.begin(), [](const auto& n) { return n.second; });
    return rows;
}

Token NearWords::nearest(std::string_view word) const {
    Matrix direction_of_word(1, vectors_.width()), cosines(1, std::max<Index>(directions_.rows(), 1));
    if (tokens_.empty() || !direction(word, direction_of_word.view().span())) return unknown_token;
    gemm(1, direction_of_word, Transpose::no, directions_, Transpose::yes, 0, cosines);
    const auto best = std::ranges::max_element(cosines.view().span());
    return *best < min_cosine ? unknown_token : tokens_[static_cast<std::size_t>(best - cosines.view().span().begin())];
}

}  // namespace kvmem
