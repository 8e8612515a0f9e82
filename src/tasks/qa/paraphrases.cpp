#include "tasks/qa/paraphrases.hpp"

#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/qa/retriever.hpp"
#include "tasks/qa/substitution.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace kvmem {
namespace {

using Path = std::vector<Token>;

constexpr Index max_hops_of_path = 3;
constexpr Index max_reached = 1000;  // objects of a key, and entities after a step; paths through more are not followed
constexpr Index max_read = 300'000;  // facts that are read for a question; one that needs more tells no path
constexpr Index max_sample = 4;      // questions that tell the path of a phrasing
constexpr std::size_t max_words = 64;      // of a phrasing
constexpr std::size_t max_known = 10'000;  // phrasings that teach

// The tokens of a question and its name, [first, last) of them.
struct Asked {
    std::span<const Token> tokens;
    Index first, last;

    [[nodiscard]] std::span<const Token> name() const { return tokens.subspan(first, last - first); }
    [[nodiscard]] std::vector<Token> words() const {
        std::vector<Token> words(tokens.begin(), tokens.begin() + first);
        words.push_back(name_place);
        words.insert(words.end(), tokens.begin() + last, tokens.end());
        return words;
    }
};

// None for a question that names two things or nothing. The linker writes entities of one name side by side.
std::optional<Asked> asked_of(std::span<const Token> question, const Vocabulary& vocabulary) {
    const auto is_entity = [&](Token token) { return vocabulary.kind(token) == TokenKind::entity; };
    const auto first = std::ranges::find_if(question, is_entity);
    const auto last = std::find_if_not(first, question.end(), is_entity);
    if (first == last || std::any_of(last, question.end(), is_entity)) return std::nullopt;
    return Asked{question, first - question.begin(), last - question.begin()};
}

using QuestionsOf = std::map<std::vector<Token>, std::vector<Index>>;  // of each phrasing's words

// The phrasings with the most questions, which teach, by their words. One question may be anything.
std::vector<const QuestionsOf::value_type*> most_frequent(const QuestionsOf& all) {
    std::vector<const QuestionsOf::value_type*> most;
    for (const auto& phrasing : all)
        if (phrasing.second.size() > 1 && phrasing.first.size() <= max_words) most.push_back(&phrasing);
    std::ranges::stable_sort(most, std::greater(), [](const auto* phrasing) { return phrasing->second.size(); });
    most.resize(std::min(most.size(), max_known));
    std::ranges::sort(most, {}, [](const auto* phrasing) { return phrasing->first; });
    return most;
}

// What the paths from the names of some questions to their answers are worth.
class PathScores {
  public:
    PathScores(const Facts& facts, Index max_hops) : facts_(facts), max_hops_(max_hops) {}

    // Adds the share of answers in what each path reaches, for paths that reach all of them.
    void add(std::span<const Token> name, std::span<const Token> answers) {
        starts_.assign(name.begin(), name.end());
        answers_.assign(answers.begin(), answers.end());
        std::ranges::sort(starts_);
        std::ranges::sort(answers_);
        answers_.erase(std::unique(answers_.begin(), answers_.end()), answers_.end());
        read_ = 0;
        if (!answers_.empty()) follow(starts_);
        ++questions_;
        is_told_ &= read_ <= max_read;
    }
    // The path with the largest shares among those that every question's answers lie on, the shortest of equal ones.
    // Empty if the mean share is below three quarters, or if paths of one length are equally good.
    [[nodiscard]] Path best() const {
        const Path* best = nullptr;
        double most = 0.75 * static_cast<double>(questions_);
        bool is_tie = false;
        for (const auto& [path, score] : scores_) {
            if (score.questions < questions_ || score.share < most) continue;
            const bool is_equal = best && score.share == most;
            if (is_equal && path.size() > best->size()) continue;
            is_tie = is_equal && path.size() == best->size();
            best = &path;
            most = score.share;
        }
        return best && is_told_ && !is_tie ? *best : Path{};
    }

  private:
    struct Score {
        double share = 0;  // the sum of all questions'
        Index questions = 0;
    };

    void follow(std::span<const Token> from) {
        std::vector<std::pair<Token, Token>> steps;  // relation, object
        std::vector<Token> skipped;                  // relations that lead to too many objects
        for (const Token subject : from) {
            const auto [first, last] = facts_.keys_of(subject);
            for (Index key = first; key < last; ++key) {
                const Facts::Row row = facts_.row(key);
                if ((read_ += std::ssize(row.objects) + 1) > max_read) return;
                if (std::ssize(row.objects) > max_reached)
                    skipped.push_back(row.relation);
                else
                    for (const Token object : row.objects)
                        if (!std::ranges::binary_search(starts_, object)) steps.emplace_back(row.relation, object);
            }
        }
        std::ranges::sort(steps);
        steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
        for (auto begin = steps.begin(); begin != steps.end();) {
            const Token relation = begin->first;
            const auto end = std::find_if(begin, steps.end(), [&](const auto& s) { return s.first != relation; });
            std::vector<Token> reached;
            for (; begin != end; ++begin) reached.push_back(begin->second);
            if (std::ssize(reached) <= max_reached && std::ranges::find(skipped, relation) == skipped.end())
                reach(relation, reached);
        }
    }
    void reach(Token relation, std::span<const Token> reached) {
        path_.push_back(relation);
        if (std::ranges::includes(reached, answers_)) {
            Score& score = scores_[path_];
            score.share += static_cast<double>(answers_.size()) / static_cast<double>(reached.size());
            ++score.questions;
        }
        if (std::ssize(path_) < max_hops_) follow(reached);
        path_.pop_back();
    }

    const Facts& facts_;
    Index max_hops_;
    std::vector<Token> starts_, answers_;  // of the question under way; both rise
    Path path_;                            // that leads here
    Index read_ = 0;                       // facts, for this question
    Index questions_ = 0;
    bool is_told_ = true;  // no question needed more
    std::map<Path, Score> scores_;
};

// The step of each relation (Phrasing::path).
std::vector<Token> steps_of(const Vocabulary& vocabulary) {
    const std::vector<Token> relations = relations_of(vocabulary);
    std::vector<Token> steps;
    for (const Token relation : relations) {
        const std::string& name = vocabulary.text(relation);
        const auto forwards =
            name.starts_with('~') ? vocabulary.find(TokenKind::relation, reversed_relation(name)) : std::nullopt;
        const auto base = std::ranges::find(relations, forwards.value_or(relation)) - relations.begin();
        steps.push_back(static_cast<Token>(2 * base + (forwards ? 1 : 0)));
    }
    return steps;
}

}  // namespace

Paraphrases::Paraphrases(const Split& questions, const Vocabulary& vocabulary, const Facts& facts, Index max_hops)
    : questions_(questions), vocabulary_(vocabulary), path_(static_cast<std::size_t>(questions.size()), -1) {
    QuestionsOf all;
    for (Index q = 0; q < questions.size(); ++q)
        if (const auto asked = asked_of(questions.question[q], vocabulary)) all[asked->words()].push_back(q);
    const std::vector<const QuestionsOf::value_type*> frequent = most_frequent(all);

    std::vector<Phrasing> known(frequent.size());
    const std::vector<Token> steps = steps_of(vocabulary);
    parallel_for(std::ssize(known), 1, [&](Index first, Index last) {
        for (auto p = static_cast<std::size_t>(first); p < static_cast<std::size_t>(last); ++p) {
            const auto& [words, asking] = *frequent[p];
            known[p].words = words;
            PathScores scores(facts, std::min(max_hops, max_hops_of_path));
            const Index count = std::ssize(asking), sample = std::min(count, max_sample);
            for (Index i = 0; i < sample; ++i) {
                const Index q = asking[static_cast<std::size_t>(i * count / sample)];
                scores.add(asked_of(questions.question[q], vocabulary)->name(), questions.answer[q]);
            }
            for (const Token relation : scores.best())
                known[p].path.push_back(steps[static_cast<std::size_t>(relation)]);
        }
    });

    std::map<Path, Index> paths;
    for (std::size_t p = 0; p < known.size(); ++p) {
        if (known[p].path.empty()) continue;
        const Index path = paths.emplace(known[p].path, std::ssize(paths)).first->second;
        for (const Index q : frequent[p]->second) path_[static_cast<std::size_t>(q)] = path;
    }
    std::erase_if(known, [](const Phrasing& phrasing) { return phrasing.path.empty(); });
    std::vector<Phrasing> made = substitute(known);
    std::erase_if(made, [&](const Phrasing& phrasing) { return all.contains(phrasing.words); });  // of unknown paths
    made_ = std::ssize(made);
    phrasings_.resize(paths.size());
    for (const std::vector<Phrasing>* some : {&known, &made})
        for (const Phrasing& phrasing : *some)
            phrasings_[static_cast<std::size_t>(paths.at(phrasing.path))].push_back(phrasing.words);
}

std::vector<Token> Paraphrases::rewrite(Index question, Rng& rng) const {
    const std::span<const Token> tokens = questions_.question[question];
    const Index path = path_[static_cast<std::size_t>(question)];
    if (path < 0) return {tokens.begin(), tokens.end()};
    const auto& all = phrasings_[static_cast<std::size_t>(path)];
    std::vector<Token> words = all[static_cast<std::size_t>(rng.below(std::ssize(all)))];
    const std::span<const Token> name = asked_of(tokens, vocabulary_)->name();
    const auto place = words.erase(std::ranges::find(words, name_place));
    words.insert(place, name.begin(), name.end());
    return words;
}

}  // namespace kvmem
