#include "tasks/qa/documents/query.hpp"

#include "kvmem/text/tokenizer.hpp"
#include "text/function_words.hpp"
#include "text/stemmer.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem::documents {

static constexpr std::size_t max_respelled = 8;  // words of a question
static constexpr double function_word_weight = 0.55;
static constexpr double other_letters_weight = 3;  // a third of other letters leaves a respelled word no weight

bool Query::has(std::string_view word) const { return std::ranges::find(terms, word, &Term::word) != terms.end(); }

// A stem that no document has counts as one that a single passage has.
static double weight_of(const std::string& word, Index frequency, Index passages) {
    const auto n = static_cast<double>(std::max<Index>(1, frequency));
    const double idf = std::log(1 + (static_cast<double>(passages) - n + 0.5) / (n + 0.5));
    return is_function_word(word) ? function_word_weight * idf : idf;
}

std::vector<std::int16_t> terms_of_stems(const Postings& postings, const Query& query) {
    std::vector<std::int16_t> terms(postings.stems.size(), -1);
    for (std::size_t t = query.terms.size(); t-- > 0;) {
        const std::optional<std::string>& stem = query.terms[t].stem;
        if (const Token found = stem ? postings.find(*stem) : -1; found >= 0)
            terms[found] = static_cast<std::int16_t>(t);
    }
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
    if (query.has("why")) return Expected::reason;
    return follows_how(
               {"to", "do", "does", "did", "can", "could", "should", "would", "will", "is", "are", "was", "were"})
               ? Expected::manner
               : Expected::anything;
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

// Sets stems and weights. A stem with accents is one of files of before.
static void weigh(Query& query, const Stemmer& stemmer, const WordStatistics& documents) {
    std::vector<std::string> stems;
    stems.reserve(2 * query.terms.size());
    for (const Query::Term& term : query.terms) {
        stems.push_back(stemmer.accented(term.word));
        stems.push_back(stemmer(term.word));
    }
    const std::vector<Index> frequencies = documents.frequencies(stems);
    for (std::size_t t = 0; t < query.terms.size(); ++t) {
        const std::size_t at = frequencies[2 * t] >= 0 ? 2 * t : 2 * t + 1;
        Query::Term& term = query.terms[t];
        if (frequencies[at] >= 0) term.stem = stems[at];
        term.weight = weight_of(term.word, frequencies[at], documents.passages());
        query.sum += term.weight;
    }
}

// Reads words that the documents lack as the nearest that they have; of equally near ones it is the most frequent,
// then the first. A word weighs less, the more letters are others.
static void respell(Query& query, const Stemmer& stemmer, const WordStatistics& documents) {
    std::vector<std::size_t> unknown;
    std::vector<std::string> words, stems;
    for (std::size_t t = 0; t < query.terms.size() && words.size() < max_respelled; ++t) {
        if (query.terms[t].stem || is_function_word(query.terms[t].word)) continue;
        unknown.push_back(t);
        words.push_back(query.terms[t].word);
    }
    if (words.empty()) return;
    const std::vector<NearWords> near = documents.near_words(words);
    for (const NearWords& of : near)
        for (const std::string& word : of.words) stems.push_back(stemmer(word));
    const std::vector<Index> frequencies = documents.frequencies(stems);
    auto first = frequencies.begin();
    for (std::size_t i = 0; i < unknown.size(); ++i) {
        const auto last = first + std::ssize(near[i].words), best = std::max_element(first, last);
        if (best != last) {
            Query::Term& term = query.terms[unknown[i]];
            term.read_as = near[i].words[best - first];
            term.stem = stems[best - frequencies.begin()];
            term.weight = std::max(0.0, 1 - other_letters_weight * (1 - near[i].share())) *
                          weight_of(term.read_as, *best, documents.passages());
        }
        first = last;
    }
}

Query make_query(std::string_view question, const WordStatistics& documents) {
    const Stemmer stemmer(documents.language());
    Query query;
    for (const Word& word : split_words(question)) {
        if (query.terms.size() == max_question_words) break;
        if (!query.has(word.text)) query.terms.push_back({.word = word.text});
    }
    weigh(query, stemmer, documents);
    respell(query, stemmer, documents);
    query.asked = asked_of(query);
    query.expected = expected_of(query);
    return query;
}

}  // namespace kvmem::documents
