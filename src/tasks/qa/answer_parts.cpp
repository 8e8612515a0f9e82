// What an answer shows of what was read.
#include "kvmem/core/error.hpp"
#include "kvmem/kernels/top_k.hpp"
#include "tasks/qa/answerer_impl.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace kvmem {

std::string text_of(const Vocabulary& vocabulary, std::span<const Token> tokens) {
    std::string text;
    for (const Token token : tokens) text += (text.empty() ? "" : " ") + vocabulary.text(token);
    return text;
}

Answer::Path named(const Vocabulary& vocabulary, const FactPath& path) {
    Answer::Path all{vocabulary.text(path.start), {}, double{path.weight}};
    for (const FactPath::Step& step : path.steps) {
        const std::string& name = vocabulary.text(step.relation);
        const bool reversed = name.starts_with('~');
        all.steps.push_back({name.substr(reversed ? 1 : 0), reversed, vocabulary.text(step.entity), double{step.weight},
                             std::ssize(all.steps) + 1});
    }
    return all;
}

void Answerer::Impl::rank(Answer& answer, std::span<const Scored> scores, const AnswerOptions& options) const {
    std::vector<Real> numbers;
    for (const Scored& s : scores) numbers.push_back(s.score);
    if (!std::ranges::all_of(numbers, [](Real s) { return std::isfinite(s); }))
        throw Error({.what = "this model's scores are not finite numbers",
                     .hint = "train again, with a lower rate or a clip length"});
    if (numbers.empty()) return;
    const Real best = *std::ranges::max_element(numbers), threshold = as_good_as(best);
    answer.as_good = std::ranges::count_if(numbers, [&](Real s) { return s >= threshold; });
    double sum = 0;
    for (const Real s : numbers) sum += std::exp(double{s} - double{best});
    const Index count = options.all_as_good ? std::max(options.candidates, answer.as_good) : options.candidates;
    for (const Scored& s : top_k(numbers, count)) {
        const Token token = model->candidates()[scores[s.index].index];
        const double weight =
            model->scores_few() ? std::exp(double{s.score}) : std::exp(double{s.score} - double{best}) / sum;
        answer.candidates.push_back({model->vocabulary().text(token), double{s.score}, weight});
    }
}

// Adds the sentences that state the steps of paths.
void Answerer::Impl::quote_paths(std::span<const FactPath> paths, std::vector<Answer::Path>& shown) const {
    std::vector<StatedFact> facts;
    std::vector<Answer::Path::Step*> steps;
    for (std::size_t p = 0; p < paths.size(); ++p) {
        Token at = paths[p].start;
        for (std::size_t i = 0; i < paths[p].steps.size(); ++i) {
            const FactPath::Step& step = paths[p].steps[i];
            facts.push_back({at, step.relation, step.entity});
            steps.push_back(&shown[p].steps[i]);
            at = step.entity;
        }
    }
    const auto quotes = sharded ? sharded->quotes(facts) : sources.quotes(facts);
    for (std::size_t i = 0; i < steps.size(); ++i)
        if (quotes[i]) steps[i]->sentence = quotes[i]->sentence, steps[i]->where = quotes[i]->where;
}

// Shows the paths to the candidates, and the weights [hops, tokens] of the question's words in the first one's steps.
void Answerer::Impl::show_paths(Answer& answer, std::span<const FactPath> paths, std::span<const Real> words,
                                const LinkedText& question) const {
    const Vocabulary& vocabulary = model->vocabulary();
    paths = paths.first(std::min(paths.size(), answer.candidates.size()));
    for (const FactPath& path : paths) answer.paths.push_back(named(vocabulary, path));
    if (paths.empty()) return;
    quote_paths(paths, answer.paths);
    const std::size_t tokens = question.tokens.size();
    for (const FactPath::Step& step : paths.front().steps) {
        const std::size_t first = static_cast<std::size_t>(step.hop) * tokens;
        std::vector<Answer::ReadWord>& shown = answer.words.emplace_back();
        auto unknown = question.unknown_words.begin();
        for (std::size_t t = 0; t < tokens; ++t) {
            const Token token = question.tokens[t];
            const std::string& text = token == unknown_token ? *unknown++ : vocabulary.text(token);
            shown.push_back({text, double{words[first + t]}});
        }
        std::ranges::stable_sort(shown, [](const auto& a, const auto& b) { return a.weight > b.weight; });
    }
}

std::vector<Answer::ReadSlot> Answerer::Impl::read_slots(const Batch& batch, std::span<const Real> weights,
                                                         Index count) const {
    std::vector<Answer::ReadSlot> all;
    for (const Scored& s : top_k(weights, count)) {
        all.push_back({text_of(model->vocabulary(), batch.slots.key[s.index]),
                       text_of(model->vocabulary(), batch.slots.value[s.index]), double{s.score}, s.index});
    }
    return all;
}

// Adds the sentences that shared slots were read from, to an answer whose question alone is in the batch.
void Answerer::Impl::quote_slots(const Batch& batch, Answer& answer) const {
    std::vector<Index> slots;
    std::vector<Answer::ReadSlot*> shown;
    for (Answer::Hop& hop : answer.hops)
        for (Answer::Head& head : hop.heads)
            for (Answer::ReadSlot& read : head.slots)
                if (const Index slot = batch.origin[static_cast<std::size_t>(read.slot)]; slot >= 0) {
                    slots.push_back(slot);
                    shown.push_back(&read);
                }
    std::vector<Quote> quotes;
    if (sharded)
        quotes = sharded->quotes(slots);
    else
        for (const Index slot : slots) quotes.push_back(sources.quote(slot));
    for (std::size_t i = 0; i < shown.size(); ++i)
        shown[i]->sentence = std::move(quotes[i].sentence), shown[i]->where = std::move(quotes[i].where);
}

}  // namespace kvmem
