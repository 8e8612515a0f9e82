#include "tasks/qa/documents/sentence_scores.hpp"

#include "kvmem/text/tokenizer.hpp"

#include <algorithm>

namespace kvmem::documents {

// Chosen on XQuAD and COVID-QA.
static constexpr double saturation = 0.6, length_share = 0.35, neighbour_share = 0.25, pair_weight = 0.3,
                        expected_weight = 0.2, passage_weight = 0.4;

SentenceScores::SentenceScores(const Corpus& corpus, const Query& query, double mean_tokens)
    : corpus_(corpus), query_(query), mean_tokens_(mean_tokens) {}

std::span<const double> SentenceScores::matches(Index sentence) const {
    const std::size_t terms = query_.terms.size();
    return std::span(matches_).subspan(sentence * terms, terms);
}

void SentenceScores::read(const Passage& passage, double passage_score) {
    const std::size_t terms = query_.terms.size();
    sentences_ = passage.sentences.size();
    matches_.assign(sentences_ * terms, 0);
    scores_.assign(sentences_, passage_weight * passage_score);
    for (Index s = 0; s < sentences_; ++s)
        read_sentence(corpus_.collection.sentences[passage.sentences.first + s],
                      std::span(matches_).subspan(s * terms, terms), scores_[s]);
    for (Index s = 0; s < sentences_; ++s)
        for (std::size_t t = 0; t < terms; ++t) scores_[s] += query_.terms[t].weight * attended(s, t);
}

void SentenceScores::read_sentence(const Sentence& sentence, std::span<double> matches, double& addition) {
    const Collection& all = corpus_.collection;
    std::optional<std::size_t> last;
    for (Index i = sentence.tokens.first; i < sentence.tokens.last; ++i) {
        const auto term = query_.find(corpus_.postings.stem_of[all.tokens[i].word]);
        if (term) ++matches[*term];
        if (term && last && *last + 1 == *term)
            addition += pair_weight * std::min(query_.terms[*last].weight, query_.terms[*term].weight);
        last = term;
    }
    const double length = static_cast<double>(sentence.tokens.size()) / mean_tokens_;
    for (double& match : matches)
        match *= (saturation + 1) / (match + saturation * (1 - length_share + length_share * length));
    if (has_expected(sentence)) addition += expected_weight * query_.sum;
}

// The share of a term in a sentence, or that of a neighbour.
double SentenceScores::attended(Index sentence, std::size_t term) const {
    double near = 0;
    if (sentence > 0) near = matches(sentence - 1)[term];
    if (sentence + 1 < sentences_) near = std::max(near, matches(sentence + 1)[term]);
    return std::max(matches(sentence)[term], neighbour_share * near);
}

// Whether a sentence has a number, or a name inside of it, that the question lacks.
bool SentenceScores::has_expected(const Sentence& sentence) const {
    const Collection& all = corpus_.collection;
    if (query_.expected == Expected::anything) return false;
    if (query_.expected == Expected::name) {
        const std::string_view text = all.text_of(sentence);
        return std::ranges::any_of(split_words(text), [&](const Word& word) {
            return word.begin > 0 && 'A' <= text[word.begin] && text[word.begin] <= 'Z' && !query_.has(word.text);
        });
    }
    for (Index i = sentence.tokens.first; i < sentence.tokens.last; ++i) {
        const Token word = all.tokens[i].word;
        const char first = all.words[word].empty() ? ' ' : all.words[word][0];
        if ('0' <= first && first <= '9' && !query_.find(corpus_.postings.stem_of[word])) return true;
    }
    return false;
}

std::vector<double> SentenceScores::weights(Index sentence) const {
    std::vector<double> weights;
    double sum = 0;
    for (std::size_t t = 0; t < query_.terms.size(); ++t) {
        weights.push_back(query_.terms[t].weight * attended(sentence, t));
        sum += weights.back();
    }
    if (sum > 0)
        for (double& weight : weights) weight /= sum;
    return weights;
}

}  // namespace kvmem::documents
