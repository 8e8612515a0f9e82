#include "tasks/qa/documents/query.hpp"

#include "kvmem/text/tokenizer.hpp"
#include "text/function_words.hpp"
#include "text/nearest_names.hpp"
#include "text/stemmer.hpp"
#include "text/words.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace kvmem::documents {

static constexpr std::size_t max_words = 256;
static constexpr double function_word_weight = 0.4;

bool Query::has(std::string_view word) const { return std::ranges::find(terms, word, &Term::word) != terms.end(); }

static double weight_of(const std::string& word, Token stem, const Postings& postings, Index passages) {
    const auto n =
        static_cast<double>(stem < 0 ? 1 : std::max<Index>(1, postings.offsets[stem + 1] - postings.offsets[stem]));
    const double idf = std::log(1 + (static_cast<double>(passages) - n + 0.5) / (n + 0.5));
    return is_function_word(word) ? function_word_weight * idf : idf;
}

std::vector<std::int16_t> terms_of_stems(const Postings& postings, const Query& query) {
    std::vector<std::int16_t> terms(postings.stems.size(), -1);
    for (std::size_t t = query.terms.size(); t-- > 0;)
        if (query.terms[t].stem >= 0) terms[query.terms[t].stem] = static_cast<std::int16_t>(t);
    return terms;
}

static bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::ranges::find(words, word) != words.end();
}

// English alone.
static Expected expected_of(const Query& query) {
    const auto is_asked = [&](std::initializer_list<std::string_view> words) {
        return query.asked >= 0 && is_one_of(query.terms[query.asked].word, words);
    };
    const auto follows_how = [&](std::initializer_list<std::string_view> words) {
        const auto how = std::ranges::find(query.terms, "how", &Query::Term::word);
        return how != query.terms.end() && how + 1 != query.terms.end() && is_one_of((how + 1)->word, words);
    };
    if (follows_how({"many", "much", "long", "old", "far", "tall", "high", "large", "big", "often", "fast", "deep"}) ||
        is_asked({"percentage", "percent", "number", "amount", "population"}))
        return Expected::number;
    if (query.has("when") || query.has("year") || is_asked({"century", "date", "day", "decade", "month"}))
        return Expected::date;
    if (query.has("who") || query.has("whom") || query.has("whose")) return Expected::name;
    if (query.has("where") || is_asked({"area", "city", "country", "location", "place", "region", "state", "town"}))
        return Expected::place;
    return query.has("why") ? Expected::reason : Expected::anything;
}

// The noun of "what city", "which city", "what kind of city" and "how many cities".
static Index asked_of(const Query& query) {
    for (Index i = 0; i + 1 < std::ssize(query.terms); ++i) {
        if (!is_one_of(query.terms[i].word, {"what", "which", "many"})) continue;
        Index next = i + 1;
        while (next < std::ssize(query.terms) &&
               is_one_of(query.terms[next].word, {"type", "kind", "sort", "of", "types", "kinds"}))
            ++next;
        return next < std::ssize(query.terms) && !is_function_word(query.terms[next].word) ? next : -1;
    }
    return -1;
}

// A bit for each letter of a word, so that words with few letters in common are soon told apart.
static std::uint32_t letters_of(std::string_view word) {
    std::uint32_t letters = 0;
    for (const char c : word) letters |= 1u << (static_cast<unsigned char>(c) & 31u);
    return letters;
}

// The word of the documents that a word which they lack may have meant: with its first letter, and one other letter, or
// two of nine and more. Of equally near ones the most frequent, then the first. Empty if there is none.
static std::string nearest_word(std::string_view misspelt, const Corpus& corpus) {
    const std::string plain = without_accents(misspelt);
    const std::u32string letters = words::characters(plain);
    if (letters.size() < 5 || std::ranges::any_of(plain, [](char c) { return '0' <= c && c <= '9'; })) return {};
    std::size_t allowed = letters.size() < 9 ? 1 : 2;
    const std::uint32_t bits = letters_of(plain);
    Index frequency = 0;
    std::string nearest;
    for (std::size_t i = 0; i < corpus.collection.words.size(); ++i) {
        const std::string other = without_accents(corpus.collection.words[i]);
        if (other.empty() || other[0] != plain[0] || other.size() > plain.size() + 8 ||
            static_cast<std::size_t>(std::popcount(bits ^ letters_of(other))) > 2 * allowed)
            continue;
        const std::size_t distance = edit_distance(letters, words::characters(other));
        const Token stem = corpus.postings.stem_of[i];
        const Index uses = corpus.postings.offsets[stem + 1] - corpus.postings.offsets[stem];
        if (distance > allowed || (distance == allowed && uses <= frequency)) continue;
        allowed = distance, frequency = uses;
        nearest = corpus.collection.words[i];
    }
    return nearest;
}

static Query::Term make_term(const std::string& word, const Stemmer& stemmer, const Corpus& corpus) {
    const Postings& postings = corpus.postings;
    Query::Term term{word, postings.find(stemmer.accented(word)), 0};
    if (term.stem < 0) term.stem = postings.find(stemmer(word));
    if (term.stem < 0) term.read_as = nearest_word(word, corpus);
    if (!term.read_as.empty()) term.stem = postings.find(stemmer(term.read_as));
    term.weight = weight_of(word, term.stem, postings, std::ssize(corpus.collection.passages));
    return term;
}

Query make_query(std::string_view question, const Corpus& corpus) {
    const Stemmer stemmer(corpus.postings.language);
    Query query;
    for (const Word& word : split_words(question)) {
        if (query.terms.size() == max_words) break;
        if (query.has(word.text)) continue;
        query.terms.push_back(make_term(word.text, stemmer, corpus));
        query.sum += query.terms.back().weight;
    }
    query.asked = asked_of(query);
    query.expected = expected_of(query);
    return query;
}

}  // namespace kvmem::documents
