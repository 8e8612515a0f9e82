#include "kvmem/tasks/selection/lexicon.hpp"

#include "kernels/vector.hpp"
#include "kvmem/autograd/parameter.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/number.hpp"
#include "kvmem/core/rng.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/text/tokenizer.hpp"
#include "text/stemmer.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <unordered_set>

namespace kvmem {

static void to_length_1(std::span<Real> row) {
    const Real length = std::sqrt(detail::dot(row.data(), row.data(), std::ssize(row)));
    if (length > 0)
        for (Real& number : row) number /= length;
}

void SentenceLexicon::draw(std::string_view word, std::span<Real> out) const {
    Rng rng(name_stream(word));
    for (Real& number : out) number = static_cast<Real>(2 * rng.uniform() - 1);
    to_length_1(out);
}

double SentenceLexicon::idf(std::string_view stem) const {
    const auto token = stems.find(TokenKind::word, stem);
    const double n = token ? static_cast<double>(stems.count(*token)) : 0;
    return std::log(1 + (static_cast<double>(sentences) - n + 0.5) / (n + 0.5));
}

static bool same_counts(const Vocabulary& a, const Vocabulary& b) {
    if (a.size() != b.size()) return false;
    for (Token token = 0; token < a.size(); ++token)
        if (a.text(token) != b.text(token) || a.count(token) != b.count(token)) return false;
    return true;
}

bool SentenceLexicon::operator==(const SentenceLexicon& other) const {
    return language == other.language && sentences == other.sentences && mean_words == other.mean_words &&
           same_counts(stems, other.stems) && vectors.words() == other.vectors.words() &&
           std::ranges::equal(vectors.matrix().span(), other.vectors.matrix().span());
}

static void count_sentence(const std::string& sentence, const Stemmer& stemmer, SentenceLexicon& lexicon) {
    std::set<Token> different;
    const std::vector<Word> words = split_words(sentence);
    for (const Word& word : words) different.insert(lexicon.stems.add(TokenKind::word, stemmer(word.text)));
    for (const Token stem : different) lexicon.stems.set_count(stem, lexicon.stems.count(stem) + 1);
    lexicon.mean_words += static_cast<double>(words.size());
    ++lexicon.sentences;
}

static void count_stems(const SentencesDataset& dataset, SentenceLexicon& lexicon) {
    const auto train = dataset.splits.find("train");
    if (train == dataset.splits.end()) return;
    const Stemmer stemmer(lexicon.language);
    lexicon.mean_words = 0;
    for (const SelectionQuestion& question : train->second)
        for (const std::string& sentence : question.sentences) count_sentence(sentence, stemmer, lexicon);
    lexicon.mean_words = std::max(1.0, lexicon.mean_words / static_cast<double>(lexicon.sentences));
}

// The words of all splits.
static std::unordered_set<std::string> words_of(const SentencesDataset& dataset) {
    std::unordered_set<std::string> words;
    const auto add = [&](const std::string& text) {
        for (Word& word : split_words(text)) words.insert(std::move(word.text));
    };
    for (const auto& [name, questions] : dataset.splits)
        for (const SelectionQuestion& question : questions) {
            for (const std::string* text : {&question.text, &question.title, &question.heading}) add(*text);
            for (const std::string& sentence : question.sentences) add(sentence);
        }
    return words;
}

// The rows of the first `words` words, and those that the needed ones are read by.
static std::vector<Index> rows_of(const std::unordered_set<std::string>& needed, const WordVectors& vectors,
                                  Index words) {
    std::vector<Index> rows;
    for (Index row = 0; row < std::min(words, vectors.size()); ++row) rows.push_back(row);
    for (const std::string& word : needed)
        if (const std::optional<Index> row = vectors.row(word)) rows.push_back(*row);
    std::ranges::sort(rows);
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    return rows;
}

SentenceLexicon make_lexicon(const SentencesDataset& dataset, const WordVectors& vectors, Index words,
                             const std::string& language) {
    SentenceLexicon lexicon{.language = language};
    count_stems(dataset, lexicon);
    const std::vector<Index> rows = rows_of(words_of(dataset), vectors, words);
    Matrix taken(std::ssize(rows), vectors.width());
    std::vector<std::string> texts;
    for (Index i = 0; i < taken.rows(); ++i) {
        texts.push_back(vectors.words()[rows[i]]);
        std::copy_n(vectors.matrix().row(rows[i]), taken.cols(), taken.row(i));
        to_length_1({taken.row(i), static_cast<std::size_t>(taken.cols())});
    }
    if (!rows.empty()) lexicon.vectors = WordVectors(std::move(texts), std::move(taken));
    return lexicon;
}

void write_lexicon(hdf5::Writer& file, const SentenceLexicon& lexicon) {
    file.attribute("/lexicon", "language", lexicon.language);
    std::vector<std::string> stems;
    std::vector<std::int64_t> counts;
    for (Token stem = 1; stem < lexicon.stems.size(); ++stem) {
        stems.push_back(lexicon.stems.text(stem));
        counts.push_back(lexicon.stems.count(stem));
    }
    file.write("/lexicon/stems", std::span<const std::string>(stems));
    file.write("/lexicon/counts", std::span<const std::int64_t>(counts));
    const double totals[] = {static_cast<double>(lexicon.sentences), lexicon.mean_words};
    file.write("/lexicon/totals", std::span<const double>(totals));
    if (lexicon.vectors.empty()) return;
    file.write("/lexicon/words", std::span<const std::string>(lexicon.vectors.words()));
    file.write("/lexicon/vectors", lexicon.vectors.matrix());
}

static void read_stems(const hdf5::Reader& file, SentenceLexicon& lexicon) {
    const std::vector<std::string> stems = file.strings("/lexicon/stems");
    const std::vector<std::int64_t> counts = file.int64s("/lexicon/counts");
    const std::vector<double> totals = file.doubles("/lexicon/totals");
    const auto is_count = [&](std::int64_t count) { return 0 <= count && static_cast<double>(count) <= totals[0]; };
    if (counts.size() != stems.size() || totals.size() != 2 || !(0 <= totals[0] && totals[0] < 1e15) ||
        !(1 <= totals[1] && totals[1] < 1e15) || !std::ranges::all_of(counts, is_count))
        throw Error({.what = "a lexicon is wrong",
                     .expected = "a count for each stem, none above the number of sentences",
                     .got = std::to_string(stems.size()) + " stems and " + std::to_string(counts.size()) + " counts",
                     .where = file.name() + ": /lexicon"});
    lexicon.sentences = static_cast<Index>(totals[0]);
    lexicon.mean_words = totals[1];
    for (std::size_t i = 0; i < stems.size(); ++i)
        lexicon.stems.set_count(lexicon.stems.add(TokenKind::word, stems[i]), counts[i]);
}

static WordVectors checked_vectors(std::vector<std::string> words, Matrix vectors) {
    if (!words.empty() && vectors.cols() == 0)
        throw Error({.what = "the vectors of a lexicon are empty", .expected = "one number or more", .got = "0"});
    return WordVectors(std::move(words), std::move(vectors));
}

SentenceLexicon read_lexicon(const hdf5::Reader& file) {
    SentenceLexicon lexicon{.language = file.attribute("/lexicon", "language")};
    read_stems(file, lexicon);
    std::vector<std::string> words;
    Matrix vectors;
    if (file.has("/lexicon/words")) {
        words = file.strings("/lexicon/words");
        vectors = file.matrix("/lexicon/vectors");
    }
    try {
        const Stemmer known(lexicon.language);  // It throws for an unknown language.
        lexicon.vectors = checked_vectors(std::move(words), std::move(vectors));
    } catch (const Error& e) {
        throw Error(e.problem_at(file.name() + ": /lexicon"));
    }
    return lexicon;
}

}  // namespace kvmem
