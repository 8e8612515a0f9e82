#include "tasks/qa/import/ask_facts.hpp"

#include "kvmem/core/rng.hpp"
#include "text/brackets.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace kvmem {

namespace {

// A relation's name and whether it is read from object to subject.
using Direction = std::pair<std::string_view, bool>;
using Key = std::pair<Token, Direction>;  // an entity and what it is asked for

// A question without its name.
struct Phrasing {
    std::string_view before, behind;
    Index task = -1;
    bool operator<(const Phrasing& other) const {
        return std::tie(before, behind, task) < std::tie(other.before, other.behind, other.task);
    }
};

// A question's phrasing and name, if it has one name in brackets.
std::optional<std::pair<Phrasing, std::string_view>> phrasing_of(const RawQuestion& question) {
    std::vector<std::string_view> outside, names;
    if (!brackets_match(question.text)) return std::nullopt;
    split_at_brackets(
        question.text, [&](std::string_view part) { outside.push_back(part); },
        [&](std::string_view name) { names.push_back(name); });
    if (names.size() != 1) return std::nullopt;
    return std::pair(Phrasing{outside[0], outside[1], question.task}, names[0]);
}

class FactQuestions {
  public:
    FactQuestions(DatasetBuilder& builder, const Source& facts, const ImportOptions& options) : builder_(builder) {
        for_each_line(facts, options, [&](std::string_view line, const Location& loc) {
            const auto fields = split_fields(line, '\t', 3, loc, "not a fact", "subject<TAB>relation<TAB>object");
            require_name(fields[0], "a subject", loc);
            require_name(fields[2], "an object", loc);
            const Token subject = builder.entity(fields[0]), object = builder.entity(fields[2]);
            objects_[{subject, {fields[1], false}}].push_back(object);
            objects_[{object, {fields[1], true}}].push_back(subject);
        });
        for (auto& [key, objects] : objects_) std::ranges::sort(objects);
    }

    // Learns relations of phrasings from a training question, and leaves out what any question is about.
    void learn(const RawQuestion& question, bool train) {
        const auto phrased = phrasing_of(question);
        if (!phrased) return;
        const auto entity = builder_.vocabulary().find(TokenKind::entity, phrased->second);
        if (!entity) return;
        for (auto at = objects_.lower_bound({*entity, {}}); at != objects_.end() && at->first.first == *entity; ++at) {
            const std::span<const Token> answers = question.answers;
            const auto is_object = [&](Token t) { return std::ranges::binary_search(at->second, t); };
            if (std::ranges::none_of(answers, is_object)) continue;
            asked_.insert(at->first);
            if (train && std::ranges::all_of(answers, is_object)) ++votes_[phrased->first][at->first.second];
        }
    }

    // Adds the questions.
    void ask(Rng rng, const Location& loc) {
        std::map<Direction, std::vector<Phrasing>> phrasings;
        for (const auto& [phrasing, votes] : votes_) {
            const auto best = std::ranges::max_element(votes, {}, [](const auto& vote) { return vote.second; });
            phrasings[best->first].push_back(phrasing);
        }
        for (const auto& [key, objects] : objects_) {
            const auto found = phrasings.find(key.second);
            if (found == phrasings.end() || asked_.contains(key)) continue;
            const Phrasing& phrasing = found->second[rng.below(std::ssize(found->second))];
            const std::string& name = builder_.vocabulary().text(key.first);
            const std::string text = std::string(phrasing.before) + '[' + name + ']' + std::string(phrasing.behind);
            if (name.find_first_of("[]") != std::string::npos) continue;
            builder_.add_question("train",
                                  {loc, builder_.keep(text), builder_.answers(objects), unknown_token, phrasing.task});
        }
    }

  private:
    DatasetBuilder& builder_;
    std::map<Key, std::vector<Token>> objects_;
    std::set<Key> asked_;
    std::map<Phrasing, std::map<Direction, Index>> votes_;
};

}  // namespace

void ask_facts(DatasetBuilder& builder, const Source& facts, const ImportOptions& options) {
    FactQuestions questions(builder, facts, options);
    builder.for_each_question(
        [&](const std::string& split, const RawQuestion& q) { questions.learn(q, split == "train"); });
    questions.ask(Rng(options.seed), {&facts, 1});
}

}  // namespace kvmem
