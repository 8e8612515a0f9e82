#include "tasks/qa/documents/corpus_search.hpp"

#include "tasks/qa/documents/sentence_scores.hpp"

#include <algorithm>
#include <utility>

namespace kvmem::documents {

static constexpr float field_saturation = 1, field_length_share = 0.5, field_count = 0.85f;

std::shared_ptr<const std::vector<Token>> stems_of_tokens(const Corpus& corpus) {
    auto stems = std::make_shared<std::vector<Token>>();
    stems->reserve(corpus.collection.tokens.size());
    for (const TokenSpan& token : corpus.collection.tokens) stems->push_back(corpus.postings.stem_of[token.word]);
    return stems;
}

double mean_sentence(const Totals& totals) {
    return std::max(1.0, static_cast<double>(static_cast<float>(totals.tokens)) /
                             static_cast<double>(std::max<Index>(1, totals.sentences)));
}

Index FoundPassages::passage(Index number) const {
    if (numbers.empty()) return number < std::ssize(corpus->collection.passages) ? number : -1;
    const auto at = std::ranges::lower_bound(numbers, number);
    return at != numbers.end() && *at == number ? at - numbers.begin() : -1;
}

CorpusSearch::CorpusSearch(std::shared_ptr<const Corpus> corpus)
    : corpus_(std::move(corpus)),
      totals_{std::ssize(corpus_->collection.passages), std::ssize(corpus_->collection.sentences),
              std::ssize(corpus_->collection.tokens)},
      stems_(stems_of_tokens(*corpus_)) {}

std::shared_ptr<const CorpusSearch::Norms> CorpusSearch::norms(const Totals& all) const {
    {
        const std::lock_guard lock(mutex_);
        if (norms_ && norms_->totals == all) return norms_;
    }
    auto made = std::make_shared<Norms>(Norms{all, {}});
    made->of.reserve(corpus_->collection.passages.size());
    const auto tokens = static_cast<float>(all.tokens);
    const float mean = std::max(1.0f, tokens / static_cast<float>(std::max<Index>(1, all.passages)));
    for (const Passage& passage : corpus_->collection.passages) {
        Index length = 0;
        for (Index s = passage.sentences.first; s < passage.sentences.last; ++s)
            length += corpus_->collection.sentences[s].tokens.size();
        made->of.push_back(field_saturation *
                           (1 - field_length_share + field_length_share * static_cast<float>(length) / mean));
    }
    const std::lock_guard lock(mutex_);
    norms_ = made;
    return made;
}

std::vector<Index> CorpusSearch::frequencies(std::span<const std::string> stems) const {
    const Postings& postings = corpus_->postings;
    std::vector<Index> all;
    all.reserve(stems.size());
    for (const std::string& stem : stems) {
        const Token found = postings.find(stem);
        all.push_back(found < 0 ? -1 : postings.offsets[found + 1] - postings.offsets[found]);
    }
    return all;
}

std::vector<NearWords> CorpusSearch::near_words(std::span<const std::string> words) const {
    std::vector<NearWords> all;
    all.reserve(words.size());
    for (const std::string& word : words) all.push_back(spellings_.nearest(word));
    return all;
}

std::vector<Scored> CorpusSearch::best_passages(const Query& query, const Totals& all, Index count,
                                                const std::function<bool(Index)>& where) const {
    const Postings& postings = corpus_->postings;
    const std::shared_ptr<const Norms> lengths = norms(all);
    const std::vector<float>& norm = lengths->of;
    std::vector<float> scores(norm.size());
    for (const Query::Term& term : query.terms) {
        const Token stem = term.stem ? postings.find(*term.stem) : -1;
        if (stem < 0) continue;
        const auto weight = static_cast<float>(term.weight) * (field_saturation + 1);
        for (Index i = postings.offsets[stem]; i < postings.offsets[stem + 1]; ++i) {
            const std::uint8_t fields = postings.fields[i];
            const auto others = static_cast<float>(((fields & in_heading) != 0) + ((fields & in_title) != 0));
            const float found = static_cast<float>(postings.count[i]) + field_count * others;
            scores[postings.passage[i]] += weight * found / (found + norm[postings.passage[i]]);
        }
    }
    std::vector<Scored> best;
    for (Index p = 0; p < std::ssize(scores); ++p)
        if (scores[p] > 0 && (!where || where(corpus_->collection.document_of(p)))) best.push_back({p, scores[p]});
    keep_best(best, count);
    return best;
}

std::vector<PlacedSentence> CorpusSearch::best_sentences(const Query& query, const Totals& all,
                                                         std::span<const Scored> passages, Index count) const {
    const std::vector<std::int16_t> terms = terms_of_stems(corpus_->postings, query);
    SentenceScores scores(*corpus_, *stems_, terms, query, mean_sentence(all));
    std::vector<PlacedSentence> best;
    for (const Scored& passage : passages) {
        const Passage& of = corpus_->collection.passages[passage.number];
        scores.read(of, passage.score);
        for (Index s = 0; s < of.sentences.size(); ++s)
            best.push_back({passage.number, s, scores.score(s), passage.score});
    }
    keep_best(best, count);
    return best;
}

FoundPassages CorpusSearch::found(std::span<const Index>) const {
    return {corpus_, stems_, [&postings = corpus_->postings](Token stem) {
                return postings.offsets[stem + 1] - postings.offsets[stem];
            }};
}

}  // namespace kvmem::documents
