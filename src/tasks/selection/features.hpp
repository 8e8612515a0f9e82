// The features of kvmem/tasks/selection/reading.hpp. Not installed.
#pragma once

#include "kvmem/tasks/selection/reading.hpp"
#include "tasks/selection/word_list.hpp"

#include <vector>

namespace kvmem {

// A question with its candidates as words. All must outlive the object.
struct FeatureSource {
    const WordList& list;
    const SentenceLexicon& lexicon;
    const std::vector<ListedText>& texts;  // the question, then the candidates
    const ListedText& title;
    const ListedText& heading;
    ConstView vectors;  // of the words, of length 1

    [[nodiscard]] const ListedText& question() const { return texts[0]; }
    [[nodiscard]] const ListedText& candidate(Index i) const { return texts[i + 1]; }
    [[nodiscard]] Index size() const { return std::ssize(texts) - 1; }
};

Matrix features_of(const FeatureSource& source);
// The kinds of things that candidates have and the question lacks. (kinds.cpp)
Matrix kinds_of(const FeatureSource& source);
// The class and the focus of a question. (kinds.cpp)
void take_class(const WordList& list, const ListedText& question, ReadQuestion& read);

}  // namespace kvmem
