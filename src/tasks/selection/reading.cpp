#include "kvmem/tasks/selection/reading.hpp"

#include "kernels/vector.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "tasks/selection/features.hpp"
#include "tasks/selection/word_list.hpp"

#include <algorithm>
#include <string_view>

namespace kvmem {

void ReadQuestion::copy_vectors(const SentenceLexicon& lexicon, View out) const {
    for (std::size_t word = 0; word < rows.size(); ++word) {
        const Real* vector = rows[word] >= 0 ? lexicon.vectors.matrix().row(rows[word]) : drawn.row(~rows[word]);
        std::copy_n(vector, out.cols, out.row(static_cast<Index>(word)));
    }
}

static void take_vectors(const WordList& list, const SentenceLexicon& lexicon, ReadQuestion& read) {
    std::vector<std::size_t> without;
    for (std::size_t word = 0; word < list.words.size(); ++word) {
        const auto row = lexicon.vectors.row(list.words[word].text);
        read.rows.push_back(row ? static_cast<Token>(*row) : ~static_cast<Token>(without.size()));
        if (!row) without.push_back(word);
    }
    read.drawn = Matrix(std::ssize(without), lexicon.width());
    for (Index i = 0; i < read.drawn.rows(); ++i)
        lexicon.draw(list.words[without[i]].text, {read.drawn.row(i), static_cast<std::size_t>(lexicon.width())});
}

// Which words of the candidates the question has.
static void match_words(const WordList& list, const std::vector<ListedText>& texts, ReadQuestion& read) {
    std::vector<bool> has_word(list.words.size()), has_stem(list.stems.size());
    for (const Token word : texts[0].words) {
        has_word[word] = true;
        has_stem[list.words[word].stem] = true;
    }
    read.matches = Matrix(read.words.offsets.back() - read.words.offsets[1], ReadQuestion::match_columns);
    Index row = 0;
    for (std::size_t text = 1; text < texts.size(); ++text)
        for (const Token word : texts[text].words) {
            read.matches(row, 0) = has_word[word];
            read.matches(row, 1) = has_stem[list.words[word].stem];
            read.matches(row++, 2) = read.weights[word];
        }
}

static void require_candidates(const SelectionQuestion& question) {
    if (std::ranges::all_of(question.text,
                            [](char c) { return std::string_view(" \t\r\n").find(c) != std::string_view::npos; }))
        throw Error({.what = "the question is empty", .expected = "a text", .got = "none", .where = question.id});
    if (question.sentences.empty())
        throw Error({.what = "a question has no candidates",
                     .expected = "one or more",
                     .got = "0",
                     .where = question.id.empty() ? question.text : question.id});
    if (question.right.size() != question.sentences.size())
        throw Error({.what = "sentences and their labels differ in number",
                     .expected = std::to_string(question.sentences.size()) + " labels, 0 where none is known",
                     .got = std::to_string(question.right.size()),
                     .where = question.id.empty() ? question.text : question.id});
}

ReadQuestion read_question(const SelectionQuestion& question, const SentenceLexicon& lexicon) {
    require_candidates(question);
    WordList list(lexicon);
    std::vector<ListedText> texts{list.read(question.text)};
    for (const std::string& sentence : question.sentences) texts.push_back(list.read(sentence));
    const ListedText title = list.read(question.title), heading = list.read(question.heading);
    ReadQuestion read{.right = question.right};
    for (const ListedText& text : texts) read.words.push_row(text.words);
    const double unseen = lexicon.idf("");
    for (const ListedWord& word : list.words)
        read.weights.push_back(static_cast<Real>(list.stems[word.stem].idf / unseen));
    take_vectors(list, lexicon, read);
    match_words(list, texts, read);
    Matrix vectors(std::ssize(read.rows), lexicon.width());
    read.copy_vectors(lexicon, vectors);
    const FeatureSource source{list, lexicon, texts, title, heading, vectors};
    read.features = features_of(source);
    read.kinds = kinds_of(source);
    take_class(list, texts[0], read);
    return read;
}

std::vector<ReadQuestion> read_questions(std::span<const SelectionQuestion> questions, const SentenceLexicon& lexicon) {
    std::vector<ReadQuestion> all(questions.size());
    parallel_for(std::ssize(questions), 4, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) all[i] = read_question(questions[i], lexicon);
    });
    return all;
}

}  // namespace kvmem
