// What an answer shows of what was read.
#include "kvmem/core/error.hpp"
#include "kvmem/kernels/top_k.hpp"
#include "kvmem/tasks/qa/documents/postings.hpp"
#include "tasks/qa/answerer_impl.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>

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

// The sentence that a slot was read from, and its mention's "file:line:column".
static std::pair<std::string, std::string> quote(const documents::Collection& collection, const SlotOrigin& origin) {
    if (origin.document < 0 || origin.document >= std::ssize(collection.documents)) return {};
    const documents::Range range = collection.sentences_of(collection.documents[origin.document]);
    const auto first = collection.sentences.begin() + range.first, last = collection.sentences.begin() + range.last;
    const auto behind =
        std::upper_bound(first, last, origin.begin,
                         [](Index byte, const documents::Sentence& sentence) { return byte < sentence.bytes.first; });
    if (behind == first) return {};
    const documents::File& file = collection.files[collection.file_of(origin.document)];
    const auto [line, column] = documents::Collection::place_of(file, origin.begin);
    return {std::string(collection.text_of(*std::prev(behind))),
            file.path + ":" + std::to_string(line) + ":" + std::to_string(column)};
}

// Adds the sentences that state the steps of paths.
void Answerer::Impl::quote_paths(std::span<const FactPath> paths, std::vector<Answer::Path>& shown) const {
    if (!sources) return;
    std::map<std::array<Token, 3>, std::vector<Answer::Path::Step*>> steps;  // by subject, relation and object
    for (std::size_t p = 0; p < paths.size(); ++p) {
        Token at = paths[p].start;
        for (std::size_t i = 0; i < paths[p].steps.size(); ++i) {
            const FactPath::Step& step = paths[p].steps[i];
            steps[{at, step.relation, step.entity}].push_back(&shown[p].steps[i]);
            at = step.entity;
        }
    }
    std::vector<Token> subjects;
    for (const auto& [fact, shown_steps] : steps)
        if (subjects.empty() || subjects.back() != fact[0]) subjects.push_back(fact[0]);
    for (const Index slot : sources->retrieve(subjects)) {
        const auto key = memory.key[slot], value = memory.value[slot];
        if (key.size() != 2 || value.size() != 1) continue;
        const auto found = steps.find({key[0], key[1], value[0]});
        if (found == steps.end()) continue;
        for (Answer::Path::Step* step : found->second)
            std::tie(step->sentence, step->where) = quote(documents->collection, origin[slot]);
        steps.erase(found);
    }
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
        const Index slot = batch.origin[s.index];
        if (documents && slot >= 0 && slot < std::ssize(origin))
            std::tie(all.back().sentence, all.back().where) = quote(documents->collection, origin[slot]);
    }
    return all;
}

}  // namespace kvmem
