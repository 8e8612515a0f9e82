#include "kvmem/tasks/qa/documents/search.hpp"

#include "io/text_source.hpp"
#include "kvmem/text/tokenizer.hpp"
#include "tasks/qa/blank.hpp"
#include "tasks/qa/documents/corpus_search.hpp"
#include "tasks/qa/documents/sentence_scores.hpp"
#include "tasks/qa/documents/spans.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace kvmem::documents {

static constexpr Index ranked_sentences = 10;

struct Search::Impl {
    CorpusSearch search;
};

Search::Search(std::shared_ptr<const Corpus> corpus) : impl_(new Impl{CorpusSearch(std::move(corpus))}) {
    make_query("", impl_->search);  // throws for an unknown language
}
Search::~Search() = default;
Search::Search(Search&&) noexcept = default;
Search& Search::operator=(Search&&) noexcept = default;

const Corpus& Search::corpus() const { return impl_->search.corpus(); }

std::vector<Scored> Search::passages(std::string_view question, Index count,
                                     const std::function<bool(Index document)>& where) const {
    require_option(count >= 0, "count", "0 or more");
    return impl_->search.best_passages(make_query(question, impl_->search), count, where);
}

Findings Search::ask(std::string_view question, const SearchOptions& options) const {
    return documents::ask(impl_->search, question, options);
}

// Orders answers by a ranking of their own.
static void rerank(std::string_view question, const SentenceRanking& rank, Findings& found) {
    std::vector<FoundAnswer>& answers = found.answers;
    const std::vector<double> scores = rank(question, found.corpus->collection, answers);
    const auto is_finite = [](double score) { return std::isfinite(score); };
    if (scores.size() != answers.size() || !std::ranges::all_of(scores, is_finite))
        throw Error({.what = "a ranking of sentences is wrong",
                     .expected = std::to_string(answers.size()) + " finite scores",
                     .got = std::to_string(std::ranges::count_if(scores, is_finite))});
    std::vector<Scored> order;
    order.reserve(scores.size());
    for (Index i = 0; i < std::ssize(answers); ++i) order.push_back({i, scores[i]});
    std::ranges::sort(order, [](const Scored& a, const Scored& b) { return is_better(a, b); });
    std::vector<FoundAnswer> ranked;
    ranked.reserve(order.size());
    for (const Scored& one : order) ranked.push_back(std::move(answers[one.number]));
    answers = std::move(ranked);
}

// Answers from sentences, without their spans. Those of a shard that is gone since are left out.
static std::vector<FoundAnswer> answers_of(const FoundPassages& part, SentenceScores& scores, double sum,
                                           std::span<const PlacedSentence> best) {
    const Collection& all = part.corpus->collection;
    std::vector<FoundAnswer> answers;
    answers.reserve(best.size());
    for (const PlacedSentence& one : best) {
        const Index passage = part.passage(one.passage);
        if (passage < 0 || one.place >= all.passages[passage].sentences.size()) continue;
        const Index document = all.document_of(passage);
        const Passage& of = all.passages[passage];
        scores.read(of, one.passage_score);
        answers.push_back({all.file_of(document),
                           document,
                           passage,
                           of.sentences.first + one.place,
                           one.score / sum,
                           scores.weights(one.place),
                           {}});
    }
    return answers;
}

// The numbers of the sentences' passages, rising.
static std::vector<Index> passages_of(std::span<const PlacedSentence> sentences) {
    std::vector<Index> passages;
    passages.reserve(sentences.size());
    for (const PlacedSentence& one : sentences) passages.push_back(one.passage);
    std::ranges::sort(passages);
    passages.erase(std::unique(passages.begin(), passages.end()), passages.end());
    return passages;
}

void require_answerable(std::string_view question, const SearchOptions& options) {
    require_question(question);
    require_option(options.passages >= 0, "passages", "0 or more");
    require_option(options.answers >= 0, "answers", "0 or more");
}

Findings ask(const Searched& documents, std::string_view question, const SearchOptions& options) {
    require_answerable(question, options);
    const Query query = make_query(question, documents);
    Findings found;
    for (const Query::Term& term : query.terms) {
        found.words.push_back(term.word);
        if (!term.read_as.empty()) found.respelled.emplace_back(term.word, term.read_as);
    }
    const Index count = options.rank ? std::max(options.answers, ranked_sentences) : options.answers;
    const std::vector<Scored> passages = documents.best_passages(query, options.passages, options.where);
    const std::vector<PlacedSentence> best = documents.best_sentences(query, passages, count);
    const FoundPassages part = documents.found(passages_of(best));
    const std::vector<std::int16_t> terms = terms_of_stems(part.corpus->postings, query);
    SentenceScores scores(*part.corpus, *part.stems, terms, query, mean_sentence(documents.totals()));
    found.corpus = part.corpus;
    found.answers = answers_of(part, scores, query.sum, best);
    found.answered = !found.answers.empty() && found.answers.front().confidence >= options.threshold;
    if (options.rank && !found.answers.empty()) rerank(question, options.rank, found);
    // Beside an answer stand others, and not what would be refused.
    if (found.answered)
        std::erase_if(found.answers, [&](const FoundAnswer& one) { return one.confidence < options.threshold; });
    found.answers.resize(std::min(std::ssize(found.answers), options.answers));
    SpanScores spans(part, documents.passages(), terms, query);
    for (FoundAnswer& answer : found.answers) {
        answer.span = spans.best(part.corpus->collection.sentences[answer.sentence]);
        if (answer.span && answer.span->confidence < options.span_confidence) answer.span.reset();
    }
    return found;
}

std::vector<std::string> short_answers(const Collection& collection, const Findings& found) {
    static constexpr double near = 0.9;  // of the first one's confidence
    std::vector<std::string> texts, lower;
    std::set<Index> documents;
    if (!found.answered || found.answers.empty() || !found.answers.front().span) return texts;
    for (const FoundAnswer& answer : found.answers) {
        if (!answer.span || answer.confidence < near * found.answers.front().confidence) continue;
        if (!documents.insert(answer.document).second) continue;
        const Range range = answer.span->text;
        const std::string text = collection.text.substr(range.first, range.size());
        std::string spelled = to_lower(text);
        if (std::ranges::find(lower, spelled) != lower.end()) continue;
        texts.push_back(text);
        lower.push_back(std::move(spelled));
    }
    return texts;
}

}  // namespace kvmem::documents
