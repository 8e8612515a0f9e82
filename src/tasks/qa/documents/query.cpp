#include "tasks/qa/documents/query.hpp"

#include "kvmem/text/tokenizer.hpp"
#include "text/function_words.hpp"
#include "text/stemmer.hpp"

#include <algorithm>
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

// English alone.
static Expected expected_of(const Query& query) {
    const auto follows = [&](std::string_view first, std::string_view second) {
        const auto at = std::ranges::find(query.terms, first, &Query::Term::word);
        return at != query.terms.end() && at + 1 != query.terms.end() && (at + 1)->word == second;
    };
    if (query.has("when") || query.has("year") || follows("how", "many") || follows("how", "much") ||
        follows("how", "long") || follows("what", "percentage"))
        return Expected::number;
    return query.has("who") || query.has("whom") ? Expected::name : Expected::anything;
}

Query make_query(std::string_view question, const Postings& postings, Index passages) {
    const Stemmer stemmer(postings.language);
    Query query;
    for (const Word& word : split_words(question)) {
        if (query.terms.size() == max_words) break;
        if (query.has(word.text)) continue;
        Token stem = postings.find(stemmer.accented(word.text));
        if (stem < 0) stem = postings.find(stemmer(word.text));
        const double weight = weight_of(word.text, stem, postings, passages);
        query.terms.push_back({word.text, stem, weight});
        query.sum += weight;
    }
    query.expected = expected_of(query);
    return query;
}

}  // namespace kvmem::documents
