#include "tasks/qa/substitution.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <tuple>
#include <utility>

namespace kvmem {
namespace {

using Words = std::vector<Token>;
using Path = std::vector<Token>;

constexpr Index max_span = 3;         // words that a rule replaces, at most
constexpr Index max_shared = 64;      // phrasings of one context that are compared
constexpr Index max_choices = 8;      // results of one phrasing by the rules of one pair of relations
constexpr Index max_made = 1000;      // phrasings of a path
constexpr Index min_pairs = 2;        // that teach what stands for another relation
constexpr std::size_t min_paths = 3;  // whose phrasings teach that words mean the same

Token relation_of(Token step) { return step / 2; }

bool has_relation(const Path& path, Token relation) {
    return std::ranges::any_of(path, [&](Token step) { return relation_of(step) == relation; });
}

Path with_relation(Path path, Token from, Token to) {
    for (Token& step : path)
        if (relation_of(step) == from) step += 2 * (to - from);
    return path;
}

// What a rule does to a path: relation `from` becomes `to`. Equal ones: nothing.
struct Change {
    Token from = 0, to = 0;
    bool operator==(const Change&) const = default;
    bool operator<(const Change& other) const { return std::pair(from, to) < std::pair(other.from, other.to); }
};

// The change that makes one path the other; none if more than one relation differs.
std::optional<Change> change_of(const Path& a, const Path& b) {
    if (a.size() != b.size()) return std::nullopt;
    const auto [in_a, in_b] = std::ranges::mismatch(a, b);
    if (in_a == a.end()) return Change{};
    const Change change{relation_of(*in_a), relation_of(*in_b)};
    if (has_relation(a, change.to) || with_relation(a, change.from, change.to) != b) return std::nullopt;
    return change;
}

// The words [first, last) of a phrasing, and a hash of all others.
struct Context {
    std::uint64_t hash;
    std::size_t phrasing;
    Index first, last;
};

std::uint64_t hashed(std::uint64_t hash, std::span<const Token> words) {
    for (const Token word : words) hash = (hash ^ static_cast<std::uint32_t>(word)) * 0x9E3779B97F4A7C15U;
    return hash ^ hash >> 29;
}

// All contexts of up to `max_span` words, those of one hash side by side.
std::vector<Context> contexts_of(const std::vector<Phrasing>& known) {
    std::vector<Context> contexts;
    for (std::size_t p = 0; p < known.size(); ++p) {
        const std::span<const Token> words = known[p].words;
        const Index size = std::ssize(words);
        for (Index first = 0; first < size; ++first)
            for (Index last = first + 1; last <= std::min(size, first + max_span) && words[last - 1] != name_place;
                 ++last)
                contexts.push_back({hashed(hashed(1, words.first(first)) + 1, words.subspan(last)), p, first, last});
    }
    std::ranges::sort(contexts, {}, [](const Context& c) { return std::tuple(c.hash, c.phrasing, c.first); });
    return contexts;
}

// The pairs of phrasings that teach a rule, and their paths.
struct Support {
    Index pairs = 0;
    std::set<Path> paths{};
};
using Replacements = std::map<Words, std::map<Words, Support>>;  // of words, by others
using Rules = std::map<Change, Replacements>;

void learn(Rules& rules, const std::vector<Phrasing>& known, const Context& a, const Context& b) {
    const std::span<const Token> x = known[a.phrasing].words, y = known[b.phrasing].words;
    // Only the smallest difference of two phrasings counts.
    const bool is_smallest = a.first == b.first && x[a.first] != y[b.first] && x[a.last - 1] != y[b.last - 1] &&
                             std::ranges::equal(x.first(a.first), y.first(b.first)) &&
                             std::ranges::equal(x.subspan(a.last), y.subspan(b.last));
    if (!is_smallest) return;
    const std::optional<Change> change = change_of(known[a.phrasing].path, known[b.phrasing].path);
    if (!change) return;
    const auto words = [](std::span<const Token> all, const Context& c) {
        return Words(all.begin() + c.first, all.begin() + c.last);
    };
    Support& support = rules[*change][words(x, a)][words(y, b)];
    ++support.pairs;
    support.paths.insert(known[a.phrasing].path);
}

Rules rules_of(const std::vector<Phrasing>& known) {
    Rules rules;
    const std::vector<Context> contexts = contexts_of(known);
    for (auto begin = contexts.begin(); begin != contexts.end();) {
        const auto end = std::find_if(begin, contexts.end(), [&](const Context& c) { return c.hash != begin->hash; });
        const Index all = end - begin, count = std::min(all, max_shared);  // at equal distances of each other
        for (Index a = 0; a < count; ++a)
            for (Index b = 0; b < count; ++b) learn(rules, known, begin[a * all / count], begin[b * all / count]);
        begin = end;
    }
    for (auto& [change, replacements] : rules) {
        const bool is_synonym = change == Change{};
        for (auto& [from, all] : replacements) {
            const auto most = std::ranges::max_element(all, {}, [](const auto& to) { return to.second.pairs; });
            const Index enough = std::max(min_pairs, (most->second.pairs + 2) / 3);
            std::erase_if(all, [&](const auto& to) {
                return is_synonym ? to.second.paths.size() < min_paths : to.second.pairs < enough;
            });
        }
        std::erase_if(replacements, [](const auto& from) { return from.second.empty(); });
    }
    std::erase_if(rules, [](const auto& change) { return change.second.empty(); });
    return rules;
}

// The longest words at a place that have replacements; null for none.
const Replacements::value_type* longest_at(const Replacements& replacements, std::span<const Token> words) {
    for (std::size_t n = std::min<std::size_t>(max_span, words.size()); n > 0; --n) {
        const auto found = replacements.find(Words(words.begin(), words.begin() + static_cast<Index>(n)));
        if (found != replacements.end()) return &*found;
    }
    return nullptr;
}

// The words with everything replaced that has a replacement, in each way; none if nothing has.
std::vector<Words> replace_all(std::span<const Token> words, const Replacements& replacements) {
    std::vector<Words> made(1);
    bool replaced = false;
    while (!words.empty()) {
        const auto* rule = longest_at(replacements, words);
        std::vector<Words> longer;
        for (const Words& begin : made) {
            const auto add = [&](std::span<const Token> next) {
                if (std::ssize(longer) >= max_choices) return;
                longer.push_back(begin);
                longer.back().insert(longer.back().end(), next.begin(), next.end());
            };
            if (rule)
                for (const auto& [to, support] : rule->second) add(to);
            else
                add(words.first(1));
        }
        made = std::move(longer);
        words = words.subspan(rule ? rule->first.size() : 1);
        replaced |= rule != nullptr;
    }
    return replaced ? made : std::vector<Words>{};
}

// The words with one of them replaced, in each way.
std::vector<Words> replace_one(std::span<const Token> words, const Replacements& replacements) {
    std::vector<Words> made;
    for (const auto& [from, all] : replacements)
        for (auto rest = words; rest.size() >= from.size(); rest = rest.subspan(1)) {
            if (!std::ranges::equal(rest.first(from.size()), from)) continue;
            for (const auto& [to, support] : all) {
                Words& other = made.emplace_back(words.begin(), words.end() - std::ssize(rest));
                other.insert(other.end(), to.begin(), to.end());
                other.insert(other.end(), rest.begin() + std::ssize(from), rest.end());
            }
        }
    return made;
}

// Which words go with a relation alone: at least nine of ten phrasings with the word have it, but not of all phrasings.
class Companions {
  public:
    explicit Companions(const std::vector<Phrasing>& known) {
        std::map<Token, Index> phrasings, with_relation;
        std::map<std::pair<Token, Token>, Index> together;
        for (const Phrasing& phrasing : known) {
            std::set<Token> relations;
            for (const Token step : phrasing.path) relations.insert(relation_of(step));
            for (const Token relation : relations) ++with_relation[relation];
            for (const Token word : std::set<Token>(phrasing.words.begin(), phrasing.words.end())) {
                if (word == name_place) continue;
                ++phrasings[word];
                for (const Token relation : relations) ++together[{word, relation}];
            }
        }
        const auto most_of = [](Index count, Index of) { return 10 * count >= 9 * of; };
        for (const auto& [both, count] : together) {
            const auto [word, relation] = both;
            if (phrasings[word] >= 3 && most_of(count, phrasings[word]) &&
                !most_of(with_relation[relation], std::ssize(known)))
                relations_[word].push_back(relation);
        }
    }
    // Whether all words may stand for a path.
    [[nodiscard]] bool fit(std::span<const Token> words, const Path& path) const {
        return std::ranges::all_of(words, [&](Token word) {
            const auto found = relations_.find(word);
            return found == relations_.end() ||
                   std::ranges::all_of(found->second, [&](Token relation) { return has_relation(path, relation); });
        });
    }

  private:
    std::map<Token, std::vector<Token>> relations_;
};

}  // namespace

std::vector<Phrasing> substitute(const std::vector<Phrasing>& known) {
    const Rules rules = rules_of(known);
    const Companions companions(known);
    std::set<Words> known_words;
    std::map<Path, Index> counts;  // of phrasings made
    for (const Phrasing& phrasing : known) {
        known_words.insert(phrasing.words);
        counts.emplace(phrasing.path, 0);
    }
    std::map<Words, std::set<Path>> made;
    const auto add = [&](const Words& words, const Path& path) {
        if (known_words.contains(words) || !companions.fit(words, path)) return;
        const auto of_words = made.find(words);
        if (of_words != made.end())
            of_words->second.insert(path);  // which may make it ambiguous
        else if (counts[path]++ < max_made)
            made[words].insert(path);
    };
    for (const auto& [change, replacements] : rules)
        for (const Phrasing& phrasing : known) {
            if (change == Change{} || !has_relation(phrasing.path, change.from) ||
                has_relation(phrasing.path, change.to))
                continue;
            const Path path = with_relation(phrasing.path, change.from, change.to);
            if (!counts.contains(path)) continue;
            for (const Words& words : replace_all(phrasing.words, replacements)) add(words, path);
        }
    if (const auto same = rules.find(Change{}); same != rules.end()) {
        std::vector<Phrasing> all = known;
        for (const auto& [words, paths] : made)
            for (const Path& path : paths) all.push_back({words, path});
        for (const Phrasing& phrasing : all)
            for (const Words& words : replace_one(phrasing.words, same->second)) add(words, phrasing.path);
    }
    std::vector<Phrasing> result;
    for (const auto& [words, paths] : made)
        if (paths.size() == 1) result.push_back({words, *paths.begin()});
    return result;
}

}  // namespace kvmem
