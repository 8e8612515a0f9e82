#include "tasks/qa/documents/query.hpp"

#include "kvmem/text/tokenizer.hpp"
#include "text/function_words.hpp"
#include "text/stemmer.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem::documents {

static constexpr std::size_t max_words = 256;
static constexpr int max_respelled = 8;  // words of a question
static constexpr double function_word_weight = 0.4;
static constexpr double other_letters_weight = 3;  // a third of other letters leaves a respelled word no weight

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

// Reads a word that the documents lack as the nearest that they have. It weighs less, the more letters are others.
static void respell(Query::Term& term, const Stemmer& stemmer, const Corpus& corpus, const Spellings& spellings) {
    const auto [word, share] = spellings.nearest(term.word);
    if (word.empty()) return;
    term.read_as = word;
    term.stem = corpus.postings.find(stemmer(word));
    term.weight = std::max(0.0, 1 - other_letters_weight * (1 - share)) *
                  weight_of(word, term.stem, corpus.postings, std::ssize(corpus.collection.passages));
}

Query make_query(std::string_view question, const Corpus& corpus, const Spellings& spellings) {
    const Stemmer stemmer(corpus.postings.language);
    Query query;
    int unknown = 0;
    for (const Word& word : split_words(question)) {
        if (query.terms.size() == max_words) break;
        if (query.has(word.text)) continue;
        query.terms.push_back({word.text, corpus.postings.find(stemmer.accented(word.text)), 0});
        Query::Term& term = query.terms.back();
        if (term.stem < 0) term.stem = corpus.postings.find(stemmer(word.text));
        term.weight = weight_of(word.text, term.stem, corpus.postings, std::ssize(corpus.collection.passages));
        query.sum += term.weight;
        if (term.stem < 0 && !is_function_word(word.text) && unknown++ < max_respelled)
            respell(term, stemmer, corpus, spellings);
    }
    query.asked = asked_of(query);
    query.expected = expected_of(query);
    return query;
}

}  // namespace kvmem::documents
