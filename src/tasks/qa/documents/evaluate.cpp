#include "kvmem/tasks/qa/documents/evaluate.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "tasks/qa/blank.hpp"

#include <algorithm>

namespace kvmem::documents {

namespace {

// What one question found.
struct Outcome {
    double reciprocal = 0;               // 1 / rank, or 0
    double confidence = 0, without = 0;  // the highest, with and without the question's document
    bool answerable = false;
    double f1 = 0;  // of the first answer
    bool exact = false, has_span = false;
};

}  // namespace

static double confidence_of(const Findings& found) {
    const auto most = std::ranges::max_element(found.answers, {}, &FoundAnswer::confidence);
    return most == found.answers.end() ? 0 : most->confidence;
}

// The words of a file's bytes without articles, in their order.
static std::vector<Token> words_in(const Collection& all, Index document, Range bytes) {
    const Range tokens = all.tokens_of(all.documents[document]);
    std::vector<Token> words;
    for (Index t = tokens.first; t < tokens.last; ++t) {
        const std::string& word = all.words[all.tokens[t].word];
        const bool is_article = word == "a" || word == "an" || word == "the";
        if (all.tokens[t].begin < bytes.last && bytes.first < all.tokens[t].end() && !is_article)
            words.push_back(all.tokens[t].word);
    }
    return words;
}

// The harmonic mean of the shares of words in common (Rajpurkar et al. 2016).
static double f1(std::vector<Token> a, std::vector<Token> b) {
    std::vector<Token> common;
    std::ranges::sort(a);
    std::ranges::sort(b);
    std::ranges::set_intersection(a, b, std::back_inserter(common));
    return common.empty() ? 0 : 2 * static_cast<double>(common.size()) / static_cast<double>(a.size() + b.size());
}

// Compares an answer with the right ones.
static void compare(Outcome& outcome, const Collection& all, const Question& question, const FoundAnswer& answer) {
    const Range bytes = answer.span ? answer.span->bytes : all.sentences[answer.sentence].bytes;
    const std::vector<Token> words = words_in(all, answer.document, bytes);
    outcome.has_span = answer.span.has_value();
    for (const Range range : question.answers) {
        const std::vector<Token> right = words_in(all, question.document, range);
        outcome.f1 = std::max(outcome.f1, f1(words, right));
        outcome.exact = outcome.exact || words == right;
    }
}

static Outcome ask(const Search& search, const Question& question, double threshold, const SentenceRanking& rank) {
    const Collection& all = search.corpus().collection;
    const Index file = all.file_of(question.document);
    if (is_blank_question(question.text)) return {.answerable = !question.answers.empty()};
    const Findings found = search.ask(question.text, {.answers = 10, .threshold = threshold, .rank = rank});
    Outcome outcome{.confidence = confidence_of(found), .answerable = !question.answers.empty()};
    const auto holds = [&](const FoundAnswer& answer) {
        const Range bytes = all.sentences[answer.sentence].bytes;
        return answer.file == file && std::ranges::any_of(question.answers, [&](Range of) {
                   return of.first < bytes.last && bytes.first < of.last;
               });
    };
    const auto hit = std::ranges::find_if(found.answers, holds);
    if (hit != found.answers.end()) outcome.reciprocal = 1 / static_cast<double>(hit - found.answers.begin() + 1);
    if (!found.answers.empty()) compare(outcome, all, question, found.answers.front());
    const auto others = [&](Index document) { return document != question.document; };
    outcome.without = confidence_of(search.ask(question.text, {.answers = 1, .where = others}));
    return outcome;
}

template <class Holds>
static double share(const std::vector<Outcome>& outcomes, Holds holds) {
    return static_cast<double>(std::ranges::count_if(outcomes, holds)) / static_cast<double>(outcomes.size());
}

SearchMetrics evaluate(const Search& search, double threshold, const SentenceRanking& rank) {
    const std::vector<Question>& questions = search.corpus().collection.questions;
    std::vector<Outcome> all(questions.size());
    parallel_for(std::ssize(questions), 8, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) all[i] = ask(search, questions[i], threshold, rank);
    });
    std::vector<Outcome> answerable;
    std::ranges::copy_if(all, std::back_inserter(answerable), &Outcome::answerable);
    if (answerable.empty())
        throw Error({.what = "cannot evaluate the documents", .expected = "questions with answers", .got = "none"});
    SearchMetrics metrics{.questions = std::ssize(answerable), .threshold = threshold};
    std::vector<double> confidences;
    for (const Outcome& outcome : answerable) {
        metrics.mrr_at_10 += outcome.reciprocal / static_cast<double>(answerable.size());
        metrics.f1 += outcome.f1 / static_cast<double>(answerable.size());
        confidences.push_back(outcome.confidence);
    }
    std::ranges::sort(confidences);
    metrics.calibrated = confidences[confidences.size() / 10];
    metrics.hits_at_1 = share(answerable, [](const Outcome& o) { return o.reciprocal == 1; });
    metrics.exact = share(answerable, &Outcome::exact);
    metrics.spans = share(answerable, &Outcome::has_span);
    metrics.answered = share(answerable, [=](const Outcome& o) { return o.confidence >= threshold; });
    metrics.refused = share(all, [=](const Outcome& o) { return o.without < threshold; });
    metrics.refused_at_90 = share(all, [&](const Outcome& o) { return o.without < metrics.calibrated; });
    return metrics;
}

}  // namespace kvmem::documents
