#include "kvmem/tasks/qa/documents/search.hpp"

#include "io/text_source.hpp"
#include "kvmem/text/tokenizer.hpp"
#include "tasks/qa/blank.hpp"
#include "tasks/qa/documents/sentence_scores.hpp"
#include "tasks/qa/documents/spans.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace kvmem::documents {

static constexpr float field_saturation = 1, field_length_share = 0.5, field_count = 0.5;

static constexpr Index ranked_sentences = 10;

// The better first, of equal ones the first in the collection.
static bool is_better(const Scored& a, const Scored& b) {
    return a.score != b.score ? a.score > b.score : a.number < b.number;
}

// Reduces to the `count` best in their order.
static void keep_best(std::vector<Scored>& all, Index count) {
    const Index best = std::min(count, std::ssize(all));
    std::partial_sort(all.begin(), all.begin() + best, all.end(), is_better);
    all.resize(best);
}

struct Search::Impl {
    std::shared_ptr<const Corpus> corpus;
    Spellings spellings{*corpus};
    std::vector<Token> stems;  // of each token, so that sentences are read without their words
    std::vector<float> norms;  // k (1 - b + b L / mean L) of each passage
    double mean_sentence = 1;

    explicit Impl(std::shared_ptr<const Corpus> of);
    Query query(std::string_view question) const { return make_query(question, *corpus, spellings); }
    std::vector<Scored> passages(const Query& query, Index count, const std::function<bool(Index)>& where) const;
    std::vector<Scored> sentences(SentenceScores& scores, const std::vector<Scored>& passages, Index count) const;
};

Search::Impl::Impl(std::shared_ptr<const Corpus> of) : corpus(std::move(of)) {
    const Collection& all = corpus->collection;
    stems.reserve(all.tokens.size());
    for (const TokenSpan& token : all.tokens) stems.push_back(corpus->postings.stem_of[token.word]);
    const auto tokens = static_cast<float>(all.tokens.size());
    const float mean = std::max(1.0f, tokens / static_cast<float>(std::max<std::size_t>(1, all.passages.size())));
    for (const Passage& passage : all.passages) {
        Index length = 0;
        for (Index s = passage.sentences.first; s < passage.sentences.last; ++s)
            length += all.sentences[s].tokens.size();
        norms.push_back(field_saturation *
                        (1 - field_length_share + field_length_share * static_cast<float>(length) / mean));
    }
    mean_sentence = std::max(
        1.0, static_cast<double>(tokens) / static_cast<double>(std::max<std::size_t>(1, all.sentences.size())));
}

std::vector<Scored> Search::Impl::passages(const Query& query, Index count,
                                           const std::function<bool(Index)>& where) const {
    const Postings& postings = corpus->postings;
    std::vector<float> scores(norms.size());
    for (const Query::Term& term : query.terms) {
        if (term.stem < 0) continue;
        const auto weight = static_cast<float>(term.weight) * (field_saturation + 1);
        for (Index i = postings.offsets[term.stem]; i < postings.offsets[term.stem + 1]; ++i) {
            const std::uint8_t fields = postings.fields[i];
            const auto others = static_cast<float>(((fields & in_heading) != 0) + ((fields & in_title) != 0));
            const float found = static_cast<float>(postings.count[i]) + field_count * others;
            scores[postings.passage[i]] += weight * found / (found + norms[postings.passage[i]]);
        }
    }
    std::vector<Scored> best;
    for (Index p = 0; p < std::ssize(scores); ++p)
        if (scores[p] > 0 && (!where || where(corpus->collection.document_of(p)))) best.push_back({p, scores[p]});
    keep_best(best, count);
    return best;
}

std::vector<Scored> Search::Impl::sentences(SentenceScores& scores, const std::vector<Scored>& passages,
                                            Index count) const {
    std::vector<Scored> best;
    for (const Scored& passage : passages) {
        const Passage& of = corpus->collection.passages[passage.number];
        scores.read(of, passage.score);
        for (Index s = 0; s < of.sentences.size(); ++s) best.push_back({of.sentences.first + s, scores.score(s)});
    }
    keep_best(best, count);
    return best;
}

Search::Search(std::shared_ptr<const Corpus> corpus) : impl_(std::make_unique<Impl>(std::move(corpus))) {
    impl_->query("");  // throws for an unknown language
}
Search::~Search() = default;
Search::Search(Search&&) noexcept = default;
Search& Search::operator=(Search&&) noexcept = default;

const Corpus& Search::corpus() const { return *impl_->corpus; }

std::vector<Scored> Search::passages(std::string_view question, Index count,
                                     const std::function<bool(Index document)>& where) const {
    require_option(count >= 0, "count", "0 or more");
    return impl_->passages(impl_->query(question), count, where);
}

// Orders answers by a ranking of their own.
static void rerank(std::string_view question, const SentenceRanking& rank, std::vector<FoundAnswer>& answers) {
    const std::vector<double> scores = rank(question, answers);
    const auto is_finite = [](double score) { return std::isfinite(score); };
    if (scores.size() != answers.size() || !std::ranges::all_of(scores, is_finite))
        throw Error({.what = "a ranking of sentences is wrong",
                     .expected = std::to_string(answers.size()) + " finite scores",
                     .got = std::to_string(std::ranges::count_if(scores, is_finite))});
    std::vector<Scored> order;
    order.reserve(scores.size());
    for (Index i = 0; i < std::ssize(answers); ++i) order.push_back({i, scores[i]});
    std::ranges::sort(order, is_better);
    std::vector<FoundAnswer> ranked;
    ranked.reserve(order.size());
    for (const Scored& one : order) ranked.push_back(std::move(answers[one.number]));
    answers = std::move(ranked);
}

Findings Search::ask(std::string_view question, const SearchOptions& options) const {
    require_question(question);
    require_option(options.passages >= 0, "passages", "0 or more");
    require_option(options.answers >= 0, "answers", "0 or more");
    const Query query = impl_->query(question);
    const std::vector<Scored> passages = impl_->passages(query, options.passages, options.where);
    const std::vector<std::int16_t> terms = terms_of_stems(corpus().postings, query);
    SentenceScores scores(corpus(), impl_->stems, terms, query, impl_->mean_sentence);
    Findings found;
    for (const Query::Term& term : query.terms) {
        found.words.push_back(term.word);
        if (!term.read_as.empty()) found.respelled.emplace_back(term.word, term.read_as);
    }
    const Collection& all = corpus().collection;
    const Index count = options.rank ? std::max(options.answers, ranked_sentences) : options.answers;
    for (const Scored& sentence : impl_->sentences(scores, passages, count)) {
        const Index passage = all.passage_of(sentence.number), document = all.document_of(passage);
        const auto of = std::ranges::find(passages, passage, &Scored::number);
        scores.read(all.passages[passage], of->score);
        found.answers.push_back({all.file_of(document),
                                 document,
                                 passage,
                                 sentence.number,
                                 sentence.score / query.sum,
                                 scores.weights(sentence.number - all.passages[passage].sentences.first),
                                 {}});
    }
    found.answered = !found.answers.empty() && found.answers.front().confidence >= options.threshold;
    if (options.rank && !found.answers.empty()) rerank(question, options.rank, found.answers);
    // Beside an answer stand others, and not what would be refused.
    if (found.answered)
        std::erase_if(found.answers, [&](const FoundAnswer& one) { return one.confidence < options.threshold; });
    found.answers.resize(std::min(std::ssize(found.answers), options.answers));
    SpanScores spans(corpus(), impl_->stems, terms, query);
    for (FoundAnswer& answer : found.answers) {
        answer.span = spans.best(all.sentences[answer.sentence]);
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
