// What a question and its candidates share. Not installed.
#pragma once

#include "tasks/selection/features.hpp"

#include <vector>

namespace kvmem {

// Reads a source once. Terms are the different stems of the question, in their order.
class Overlap {
  public:
    explicit Overlap(const FeatureSource& source);

    [[nodiscard]] const FeatureSource& source() const { return source_; }
    [[nodiscard]] Index terms() const { return std::ssize(terms_); }

    // The weighted share of the question that a candidate has: weight(term) of terms that has(term) is true of.
    template <class Weight, class Has>
    [[nodiscard]] double share(Weight weight, Has has) const {
        double sum = 0, found = 0;
        for (Index t = 0; t < terms(); ++t) {
            sum += weight(t);
            found += weight(t) * static_cast<double>(has(t));
        }
        return sum > 0 ? found / sum : 0;
    }

    // The idf of a term that is no function word, otherwise 0.
    [[nodiscard]] double weight(Index term) const { return terms_[term].weight; }
    // The same by the candidates of this list alone.
    [[nodiscard]] double list_weight(Index term) const { return terms_[term].list_weight; }
    // Whether the title has the term, and how often a candidate has it.
    [[nodiscard]] bool in_title(Index term) const { return terms_[term].in_title; }
    [[nodiscard]] Real count(Index candidate, Index term) const { return counts_(candidate, term); }
    // 1 where a candidate has the term, otherwise the largest cosine of a word of the term and one of the candidate.
    [[nodiscard]] Real likeness(Index candidate, Index term) const { return likeness_(candidate, term); }
    // The idf-weighted share of a candidate; 0 for a number that is out of the list.
    [[nodiscard]] double idf_share(Index candidate) const;

    // The place of the candidate's words among the question's terms, or -1: for neighbours.
    [[nodiscard]] std::vector<Index> terms_of(const ListedText& text) const;

  private:
    struct Term {
        Token stem, word;  // of the word that comes first
        double weight, list_weight;
        bool in_title;
    };
    void find_terms();
    void count_terms();
    void compare_vectors();

    const FeatureSource& source_;
    std::vector<Term> terms_;
    std::vector<Index> term_of_;  // of each stem, or -1
    Matrix counts_, likeness_;    // [candidates, terms]
};

}  // namespace kvmem
