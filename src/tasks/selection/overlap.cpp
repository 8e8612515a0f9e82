#include "tasks/selection/overlap.hpp"

#include "kernels/vector.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

Overlap::Overlap(const FeatureSource& source) : source_(source), term_of_(source.list.stems.size(), -1) {
    find_terms();
    count_terms();
    compare_vectors();
}

// Without other words, function words count as terms do.
void Overlap::find_terms() {
    const std::vector<ListedWord>& words = source_.list.words;
    const bool all_function =
        std::ranges::all_of(source_.question().words, [&](Token word) { return words[word].is_function; });
    for (const Token word : source_.question().words) {
        const Token stem = words[word].stem;
        if (term_of_[stem] >= 0) continue;
        term_of_[stem] = terms();
        const double idf = source_.list.stems[stem].idf;
        terms_.push_back({stem, word, words[word].is_function && !all_function ? 0 : idf, 0, false});
    }
    for (const Token word : source_.title.words)
        if (const Index term = term_of_[words[word].stem]; term >= 0) terms_[term].in_title = true;
}

void Overlap::count_terms() {
    counts_ = Matrix(source_.size(), terms());
    for (Index c = 0; c < source_.size(); ++c)
        for (const Index term : terms_of(source_.candidate(c)))
            if (term >= 0) ++counts_(c, term);
    const auto all = static_cast<double>(source_.size());
    for (Index t = 0; t < terms(); ++t) {
        double n = 0;
        for (Index c = 0; c < source_.size(); ++c) n += counts_(c, t) > 0;
        terms_[t].list_weight = weight(t) > 0 ? std::log(1 + (all - n + 0.5) / (n + 0.5)) : 0;
    }
}

void Overlap::compare_vectors() {
    const ConstView vectors = source_.vectors;
    likeness_ = Matrix(source_.size(), terms());
    std::vector<Real> to_word(static_cast<std::size_t>(vectors.rows));
    for (Index t = 0; t < terms(); ++t) {
        if (weight(t) == 0) continue;
        const Real* term = vectors.row(terms_[t].word);
        for (Index word = 0; word < vectors.rows; ++word)
            to_word[word] = detail::dot(term, vectors.row(word), vectors.cols);
        for (Index c = 0; c < source_.size(); ++c) {
            Real best = counts_(c, t) > 0 ? Real{1} : Real{0};
            if (best == 0)
                for (const Token word : source_.candidate(c).words) best = std::max(best, to_word[word]);
            likeness_(c, t) = best;
        }
    }
}

std::vector<Index> Overlap::terms_of(const ListedText& text) const {
    std::vector<Index> found;
    for (const Token word : text.words) found.push_back(term_of_[source_.list.words[word].stem]);
    return found;
}

double Overlap::idf_share(Index candidate) const {
    if (candidate < 0 || candidate >= source_.size()) return 0;
    return share([&](Index t) { return weight(t); }, [&](Index t) { return count(candidate, t) > 0; });
}

}  // namespace kvmem
