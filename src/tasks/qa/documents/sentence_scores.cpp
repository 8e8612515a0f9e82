#include "tasks/qa/documents/sentence_scores.hpp"

#include "kvmem/text/tokenizer.hpp"

#include <algorithm>

namespace kvmem::documents {

// Chosen on XQuAD, COVID-QA and the training half of SelQA.
static constexpr double count_saturation = 0.33, sentence_length_share = 0.55, neighbour_share = 0.36,
                        field_share = 0.28, pair_weight = 0.3, expected_weight = 0.22, passage_weight = 0.4;

SentenceScores::SentenceScores(const Corpus& corpus, std::span<const Token> stems,
                               std::span<const std::int16_t> term_of, const Query& query, double mean_tokens)
    : corpus_(corpus), stems_(stems), query_(query), mean_tokens_(mean_tokens), term_of_(term_of) {
    in_fields_.resize(query.terms.size());
    stem_of_.reserve(query.terms.size());
    for (const Query::Term& term : query.terms) stem_of_.push_back(term.stem ? corpus.postings.find(*term.stem) : -1);
}

// Whether a stem is in the title of a passage, or in the headings above it.
static bool is_in_fields(const Postings& postings, Token stem, Index passage) {
    if (stem < 0) return false;
    const auto first = postings.passage.begin() + postings.offsets[stem],
               last = postings.passage.begin() + postings.offsets[stem + 1];
    const auto at = std::lower_bound(first, last, passage);
    return at != last && *at == passage && postings.fields[at - postings.passage.begin()] != 0;
}

// The share of a term in a sentence, or a part of that in a neighbour, or that of the title and the headings.
double SentenceScores::attended(Index sentence, std::size_t term) const {
    const std::size_t terms = query_.terms.size(), at = sentence * terms + term;
    const double before = sentence > 0 ? matches_[at - terms] : 0;
    const double behind = sentence + 1 < sentences_ ? matches_[at + terms] : 0;
    return std::max({matches_[at], neighbour_share * std::max(before, behind), in_fields_[term]});
}

void SentenceScores::read(const Passage& passage, double passage_score) {
    const std::size_t terms = query_.terms.size();
    sentences_ = passage.sentences.size();
    const Index number = &passage - corpus_.collection.passages.data();
    for (std::size_t t = 0; t < terms; ++t)
        in_fields_[t] = is_in_fields(corpus_.postings, stem_of_[t], number) ? field_share : 0;
    matches_.assign(sentences_ * terms, 0);
    scores_.assign(sentences_, passage_weight * passage_score);
    for (Index s = 0; s < sentences_; ++s)
        read_sentence(corpus_.collection.sentences[passage.sentences.first + s],
                      std::span(matches_).subspan(s * terms, terms), scores_[s]);
    for (Index s = 0; s < sentences_; ++s)
        for (std::size_t t = 0; t < terms; ++t) scores_[s] += query_.terms[t].weight * attended(s, t);
}

void SentenceScores::read_sentence(const Sentence& sentence, std::span<double> matches, double& addition) {
    int last = -2;
    for (Index i = sentence.tokens.first; i < sentence.tokens.last; ++i) {
        const int term = term_of_[stems_[i]];
        if (term >= 0) ++matches[term];
        if (term >= 0 && last + 1 == term)
            addition += pair_weight * std::min(query_.terms[last].weight, query_.terms[term].weight);
        last = term < 0 ? -2 : term;
    }
    const double length = static_cast<double>(sentence.tokens.size()) / mean_tokens_;
    const double norm = count_saturation * (1 - sentence_length_share + sentence_length_share * length);
    for (double& match : matches)
        if (match > 0) match *= (count_saturation + 1) / (match + norm);
    if (has_expected(sentence)) addition += expected_weight * query_.sum;
}

// Whether a sentence has a capital inside of it at the beginning of a word that the question lacks.
static bool has_new_name(std::string_view text, const Query& query) {
    const auto is_letter = [](char c) {
        return ('a' <= (c | 32) && (c | 32) <= 'z') || static_cast<unsigned char>(c) >= 0x80;
    };
    for (std::size_t at = 1; at < text.size(); ++at) {
        if (text[at] < 'A' || 'Z' < text[at] || is_letter(text[at - 1])) continue;
        std::size_t end = at;
        while (end < text.size() && is_letter(text[end])) ++end;
        if (!query.has(to_lower(text.substr(at, end - at)))) return true;
        at = end;
    }
    return false;
}

// Whether a sentence has a number or a name that the question lacks, if it expects one.
bool SentenceScores::has_expected(const Sentence& sentence) const {
    const Collection& all = corpus_.collection;
    if (query_.expected == Expected::name) return has_new_name(all.text_of(sentence), query_);
    if (query_.expected != Expected::number && query_.expected != Expected::date) return false;
    for (Index i = sentence.tokens.first; i < sentence.tokens.last; ++i) {
        const Token word = all.tokens[i].word;
        const char first = all.words[word].empty() ? ' ' : all.words[word][0];
        if ('0' <= first && first <= '9' && term_of_[stems_[i]] < 0) return true;
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
