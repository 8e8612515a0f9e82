#include "kvmem/data/linker.hpp"

#include "data/name_index.hpp"
#include "data/nearest_names.hpp"
#include "data/words.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <utility>

namespace kvmem {

namespace {

// Words [first, first + words) of a segment name these entities.
struct Match {
    std::size_t first;
    std::size_t words;
    std::size_t rare_words;  // those that training questions do not use as words
    std::vector<Token> entities;
};

// What lies between two brackets, or outside of brackets: no name reaches from one to another.
struct Segment {
    std::size_t begin;
    std::size_t end;
    std::vector<Word> words;            // their places are the text's
    std::vector<std::uint64_t> hashes;  // of the words
    std::vector<std::int64_t> uses;     // how often training questions have the word as a word
    std::vector<Match> matches;         // rising, not overlapping
};

enum class Strength { strong, weak, any };

}  // namespace

struct Linker::Impl {
    NameIndex names;

    std::vector<Segment> segments(std::string_view text) const;
    Segment segment(std::string_view text, std::size_t begin, std::size_t end) const;
    std::optional<Match> longest_at(std::string_view text, const Segment& s, std::size_t first,
                                    Strength strength) const;
    void match(std::string_view text, Segment& s, Strength strength) const;
    void match_best_weak(std::string_view text, std::vector<Segment>& all) const;
};

// How well an entity's name fits the text at its first word: 2 spelled alike, 1 but for case, 0 the same words.
static int fit(const std::string& name, std::string_view text, std::size_t first_word) {
    std::size_t lead = name.size();  // what the name has before its first word, such as a bracket
    words::for_each(name, [&](std::size_t begin, std::size_t) { lead = std::min(lead, begin); });
    if (lead > first_word) return 0;
    const std::string_view here = text.substr(first_word - lead, name.size());
    if (here == name) return 2;
    return to_lower(here) == to_lower(name) ? 1 : 0;
}

// Of entities with the same words, those whose names fit best; the longest of them, so that "Help!" is "Help!".
static std::vector<Token> best_spelled(const Vocabulary& vocabulary, const std::vector<Token>& entities,
                                       std::string_view text, std::size_t first_word) {
    if (entities.size() < 2) return entities;
    std::vector<Token> best;
    std::pair<int, std::size_t> best_rank{0, 0};
    for (const Token entity : entities) {
        const std::string& name = vocabulary.text(entity);
        const int how = fit(name, text, first_word);
        const std::pair rank{how, how == 0 ? 0 : name.size()};
        if (rank > best_rank) best.clear();
        if (rank < best_rank) continue;
        best_rank = rank;
        best.push_back(entity);
    }
    return best;
}

static Error bracket_error(std::string got, std::size_t at) {
    return Error({.what = "brackets do not pair",
                  .expected = "names in brackets as in 'who directed [Brazil]'",
                  .got = std::move(got) + " at position " + std::to_string(at),
                  .where = {},
                  .hint = {}});
}

Segment Linker::Impl::segment(std::string_view text, std::size_t begin, std::size_t end) const {
    Segment s{begin, end, split_words(text.substr(begin, end - begin)), {}, {}, {}};
    for (Word& word : s.words) {
        word.begin += begin;
        word.end += begin;
        const std::optional<Token> token = names.vocabulary().find(TokenKind::word, word.text);
        s.hashes.push_back(NameIndex::hash(word.text));
        s.uses.push_back(token ? names.vocabulary().count(*token) : 0);
    }
    return s;
}

std::vector<Segment> Linker::Impl::segments(std::string_view text) const {
    std::vector<Segment> all;
    std::size_t begin = 0;
    bool inside = false;
    for (std::size_t at = 0; (at = text.find_first_of("[]", at)) != std::string_view::npos; begin = ++at) {
        const bool opens = text[at] == '[';
        if (opens == inside) throw bracket_error(opens ? "'[' inside of brackets" : "']' without '['", at);
        all.push_back(segment(text, begin, at));
        inside = opens;
    }
    if (inside) throw bracket_error("'[' without ']'", begin - 1);
    all.push_back(segment(text, begin, text.size()));
    return all;
}

// The longest name of this strength that begins at word `first`.
std::optional<Match> Linker::Impl::longest_at(std::string_view text, const Segment& s, std::size_t first,
                                              Strength strength) const {
    const std::size_t most = std::min(names.longest_from(s.hashes[first]), s.words.size() - first);
    std::array<std::uint64_t, NameIndex::longest_name + 1> prefixes{0};
    std::array<std::size_t, NameIndex::longest_name + 1> rare_words{0};
    for (std::size_t i = 0; i < most; ++i) {
        prefixes[i + 1] = NameIndex::extend(prefixes[i], s.hashes[first + i]);
        rare_words[i + 1] = rare_words[i] + (s.uses[first + i] == 0);
    }
    for (std::size_t n = most; n > 0; --n) {
        if (strength != Strength::any && (rare_words[n] == 0) != (strength == Strength::weak)) continue;
        const std::vector<Token> found = names.find(std::span(s.words).subspan(first, n), prefixes[n]);
        if (!found.empty())
            return Match{first, n, rare_words[n], best_spelled(names.vocabulary(), found, text, s.words[first].begin)};
    }
    return std::nullopt;
}

void Linker::Impl::match(std::string_view text, Segment& s, Strength strength) const {
    std::vector<Match> found;
    for (std::size_t first = 0; first < s.words.size(); ++first)
        if (std::optional<Match> match = longest_at(text, s, first, strength)) found.push_back(std::move(*match));
    std::sort(found.begin(), found.end(), [](const Match& a, const Match& b) {
        return std::tuple(b.words, b.rare_words, a.first) < std::tuple(a.words, a.rare_words, b.first);
    });
    std::vector<bool> taken(s.words.size());
    for (Match& match : found) {
        const auto begin = taken.begin() + static_cast<std::ptrdiff_t>(match.first);
        const auto end = begin + static_cast<std::ptrdiff_t>(match.words);
        if (std::find(begin, end, true) != end) continue;
        std::fill(begin, end, true);
        s.matches.push_back(std::move(match));
    }
    std::sort(s.matches.begin(), s.matches.end(), [](const Match& a, const Match& b) { return a.first < b.first; });
}

void Linker::Impl::match_best_weak(std::string_view text, std::vector<Segment>& all) const {
    std::optional<Match> best;
    std::pair<std::size_t, std::int64_t> best_rank;
    Segment* place = nullptr;
    for (Segment& s : all) {
        for (std::size_t first = 0; first < s.words.size(); ++first) {
            std::optional<Match> found = longest_at(text, s, first, Strength::weak);
            if (!found) continue;
            // "it" is a word, "IT" may be Italy.
            const bool as_written = std::any_of(found->entities.begin(), found->entities.end(), [&](Token entity) {
                return fit(names.vocabulary().text(entity), text, s.words[first].begin) == 2;
            });
            if (found->words == 1 && !as_written) continue;
            const auto uses = s.uses.begin() + static_cast<std::ptrdiff_t>(first);
            const std::int64_t rarest = *std::min_element(uses, uses + static_cast<std::ptrdiff_t>(found->words));
            const std::pair rank{found->words, -rarest};
            if (best && rank <= best_rank) continue;
            best = std::move(found);
            best_rank = rank;
            place = &s;
        }
    }
    if (best) place->matches.push_back(std::move(*best));
}

static void append_parts(std::vector<TextPart>& parts, const Segment& s) {
    std::size_t at = 0;
    const auto words_until = [&](std::size_t end) {
        for (; at < end; ++at) parts.push_back({s.words[at].begin, s.words[at].end, s.words[at].text, {}});
    };
    for (const Match& match : s.matches) {
        words_until(match.first);
        at += match.words;
        const bool whole = match.words == s.words.size();
        parts.push_back(
            {whole ? s.begin : s.words[match.first].begin, whole ? s.end : s.words[at - 1].end, {}, match.entities});
    }
    words_until(s.words.size());
}

Linker::Linker(const Vocabulary& vocabulary, std::vector<bool> in_use)
    : impl_(new Impl{NameIndex(vocabulary, std::move(in_use))}) {}
Linker::~Linker() = default;
Linker::Linker(Linker&&) noexcept = default;
Linker& Linker::operator=(Linker&&) noexcept = default;

std::vector<Token> Linker::find(std::string_view name) const {
    const Vocabulary& vocabulary = impl_->names.vocabulary();
    const std::optional<Token> exact = vocabulary.find(TokenKind::entity, name);
    if (exact && impl_->names.is_in_use(*exact)) return {*exact};
    const std::vector<Word> words = split_words(name);
    if (words.empty() || words.size() > NameIndex::longest_name) return {};
    std::uint64_t hash = 0;
    for (const Word& word : words) hash = NameIndex::extend(hash, NameIndex::hash(word.text));
    const std::vector<Token> same_words = impl_->names.find(words, hash);
    std::vector<Token> but_for_case;
    for (const Token entity : same_words)
        if (to_lower(vocabulary.text(entity)) == to_lower(name)) but_for_case.push_back(entity);
    return but_for_case.empty() ? same_words : but_for_case;
}

std::vector<TextPart> Linker::parts(std::string_view text, const LinkOptions& options) const {
    std::vector<Segment> all = impl_->segments(text);
    bool named = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
        Segment& s = all[i];
        const bool bracketed = i % 2 == 1;
        std::vector<Token> literal;
        if (bracketed) literal = find(text.substr(s.begin, s.end - s.begin));
        if (!literal.empty())
            s.matches.push_back({0, s.words.size(), 0, std::move(literal)});
        else
            impl_->match(text, s, options.avoid_common_words ? Strength::strong : Strength::any);
        named = named || !s.matches.empty();
    }
    if (!named && options.avoid_common_words) impl_->match_best_weak(text, all);
    std::vector<TextPart> parts;
    for (const Segment& s : all) append_parts(parts, s);
    return parts;
}

static LinkedText linked_text(const Vocabulary& vocabulary, std::vector<TextPart> parts) {
    LinkedText linked;
    for (TextPart& part : parts) {
        linked.tokens.insert(linked.tokens.end(), part.entities.begin(), part.entities.end());
        linked.entities.insert(linked.entities.end(), part.entities.begin(), part.entities.end());
        if (!part.entities.empty()) continue;
        const std::optional<Token> word = vocabulary.find(TokenKind::word, part.word);
        const bool known = word && vocabulary.count(*word) > 0;
        linked.tokens.push_back(known ? *word : unknown_token);
        if (!known) linked.unknown_words.push_back(std::move(part.word));
    }
    return linked;
}

LinkedText Linker::link(std::string_view text, const LinkOptions& options) const {
    return linked_text(impl_->names.vocabulary(), parts(text, options));
}

LinkedText Linker::link_as(std::string_view text, const NearName& name) const {
    std::vector<TextPart> all;
    for (TextPart& part : parts(text)) {
        if (part.end <= name.begin || part.begin >= name.end)
            all.push_back(std::move(part));
        else if (all.empty() || all.back().begin != name.begin || all.back().entities.empty())
            all.push_back({name.begin, name.end, {}, {name.entity}});
    }
    return linked_text(impl_->names.vocabulary(), std::move(all));
}

std::vector<NearName> Linker::nearest(std::string_view text, int count) const {
    return nearest_names(impl_->names, text, count);
}

}  // namespace kvmem
