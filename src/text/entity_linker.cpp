#include "kvmem/text/entity_linker.hpp"

#include "kvmem/core/error.hpp"
#include "text/matches.hpp"
#include "text/name_index.hpp"
#include "text/nearest_names.hpp"
#include "text/words.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <utility>

namespace kvmem {

namespace {

// Words [first, first + words) of a segment name these entities, perhaps without the last word's "'s".
struct Match {
    std::size_t first;
    std::size_t words;
    std::size_t begin, end;  // in the text
    bool possessive;
    std::size_t rare_words;  // number of words that are no plain words of training questions
    std::int64_t rarest;     // count of the least frequent word in training questions
    std::vector<Token> entities;
};

// A text between two brackets or outside of brackets. Names do not cross segments.
struct Segment {
    std::size_t begin;
    std::size_t end;
    std::vector<Word> words;            // units of text/words.hpp, with positions in the whole text
    std::vector<std::uint64_t> hashes;  // of the units
    std::vector<std::int64_t> uses;     // counts in training questions of the words that the units are parts of
    std::vector<std::size_t> group;     // the number of units in that word
    std::vector<Match> matches;         // in rising order, not overlapping
};

enum class Strength { strong, weak, any };

}  // namespace

struct EntityLinker::Impl {
    NameIndex names;

    std::vector<Token> find(std::string_view name) const;
    std::vector<Segment> segments(std::string_view text) const;
    std::vector<Segment> matched(std::string_view text, const LinkOptions& options) const;
    Segment segment(std::string_view text, std::size_t begin, std::size_t end) const;
    std::optional<Match> longest_at(std::string_view text, const Segment& s, std::size_t first,
                                    Strength strength) const;
    std::vector<std::size_t> groups(std::span<const Word> units, std::string_view text) const;
    std::int64_t uses(std::string_view word) const;
    void append_parts(std::vector<TextPart>& parts, const Segment& s, std::string_view text) const;
    void match(std::string_view text, Segment& s, Strength strength) const;
    void match_best_weak(std::string_view text, std::vector<Segment>& all) const;
};

// How well an entity's name fits a text, from worst to best.
enum Fit { same_words, ignoring_case, normalized, exact_spelling };

static Fit fit(std::string_view name, std::string_view written) {
    if (name == written) return exact_spelling;
    if (to_nfc(name) == to_nfc(written)) return normalized;
    return to_lower(name) == to_lower(written) ? ignoring_case : same_words;
}

// The same for a name whose words are bytes [begin, end) of the text. The name may begin and end with other characters.
static Fit fit(const std::string& name, std::string_view text, std::size_t begin, std::size_t end) {
    std::size_t first = name.size(), last = name.size();  // begin and end of the name's words
    words::for_each(name, [&](std::size_t b, std::size_t e) { first = std::min(first, b), last = e; });
    if (first > begin) return same_words;
    const std::size_t from = begin - first;
    return fit(name, text.substr(from, end + (name.size() - last) - from));
}

// The entities of the highest rank.
template <class RankOf>
static std::vector<Token> highest(const std::vector<Token>& entities, RankOf rank_of) {
    std::vector<Token> best;
    decltype(rank_of(Token{})) best_rank{};
    for (const Token entity : entities) {
        const auto rank = rank_of(entity);
        if (rank > best_rank) best.clear();
        if (rank < best_rank) continue;
        best_rank = rank;
        best.push_back(entity);
    }
    return best;
}

// The entities whose names fit best, of entities with the same words. Longer names win, so that "Help!" is "Help!".
static std::vector<Token> best_spelled(const Vocabulary& vocabulary, const std::vector<Token>& entities,
                                       std::string_view text, std::size_t begin, std::size_t end) {
    if (entities.size() < 2) return entities;
    return highest(entities, [&](Token entity) {
        const std::string& name = vocabulary.text(entity);
        const Fit how = fit(name, text, begin, end);
        return std::pair{how, how == same_words ? 0 : to_nfc(name).size()};
    });
}

static Error bracket_error(std::string got, std::size_t at) {
    return Error({.what = "brackets do not pair",
                  .expected = "names in brackets as in 'who directed [Brazil]'",
                  .got = std::move(got) + " at position " + std::to_string(at)});
}

Segment EntityLinker::Impl::segment(std::string_view text, std::size_t begin, std::size_t end) const {
    Segment s{begin, end, words::units_of(text.substr(begin, end - begin)), {}, {}, {}, {}};
    for (Word& word : s.words) {
        word.begin += begin;
        word.end += begin;
        s.hashes.push_back(NameIndex::hash(word.text));
    }
    for (const std::size_t size : groups(s.words, text)) {
        const std::int64_t count = uses(words::joined(std::span(s.words).subspan(s.uses.size(), size)).text);
        s.uses.insert(s.uses.end(), size, count);
        s.group.insert(s.group.end(), size, size);
    }
    return s;
}

// The words of scripts without spaces. A run of them that training questions have whole is a word: those of earlier
// versions were.
std::vector<std::size_t> EntityLinker::Impl::groups(std::span<const Word> units, std::string_view text) const {
    std::vector<std::size_t> sizes;
    for (std::size_t end = 0; !units.empty(); units = units.subspan(end)) {
        for (end = 1; end < units.size() && units[end].begin == units[end - 1].end;) ++end;
        if (end == 1 || uses(words::joined(units.first(end)).text) > 0) {
            sizes.push_back(end);
            continue;
        }
        const std::vector<std::size_t> found = words::group_words(units.first(end), text);
        sizes.insert(sizes.end(), found.begin(), found.end());
    }
    return sizes;
}

std::int64_t EntityLinker::Impl::uses(std::string_view word) const {
    const std::optional<Token> token = names.vocabulary().find(TokenKind::word, word);
    return token ? names.vocabulary().count(*token) : 0;
}

std::vector<Segment> EntityLinker::Impl::segments(std::string_view text) const {
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

// The longest name of this strength that begins at word `first`. Of equally long ones, it is the one with the last
// word's "'s".
std::optional<Match> EntityLinker::Impl::longest_at(std::string_view text, const Segment& s, std::size_t first,
                                                    Strength strength) const {
    const std::size_t names_with_first = std::min(names.max_words_from(s.hashes[first]), s.words.size() - first);
    const std::size_t max_words = std::max(names_with_first, std::size_t{s.words[first].text.ends_with("'s")});
    std::array<std::uint64_t, NameIndex::max_words + 1> prefixes{0};
    std::array<std::size_t, NameIndex::max_words + 1> rare_words{0};
    for (std::size_t i = 0; i < max_words; ++i) {
        prefixes[i + 1] = NameIndex::extend(prefixes[i], s.hashes[first + i]);
        rare_words[i + 1] = rare_words[i] + (s.uses[first + i] == 0);
    }
    const auto match = [&](std::span<const Word> words, std::uint64_t hash, std::size_t rare,
                           std::int64_t uses_of_last) -> std::optional<Match> {
        if (strength != Strength::any && (rare == 0) != (strength == Strength::weak)) return std::nullopt;
        const std::vector<Token> found = names.find(words, hash);
        if (found.empty()) return std::nullopt;
        const std::size_t begin = words.front().begin, end = words.back().end;
        const bool possessive = end < s.words[first + words.size() - 1].end;
        std::int64_t rarest = uses_of_last;
        for (std::size_t i = first; i + 1 < first + words.size(); ++i) rarest = std::min(rarest, s.uses[i]);
        return Match{first,      words.size(), begin,  end,
                     possessive, rare,         rarest, best_spelled(names.vocabulary(), found, text, begin, end)};
    };
    for (std::size_t n = max_words; n > 0; --n) {
        const std::span<const Word> words = std::span(s.words).subspan(first, n);
        if (n == 1 && s.group[first] > 1) break;  // one character of a longer word is no name
        if (std::optional<Match> found = match(words, prefixes[n], rare_words[n], s.uses[first + n - 1])) return found;
        const std::optional<Word> stem = words::stem(words.back(), text);
        if (!stem) continue;
        std::vector<Word> shortened(words.begin(), words.end());
        shortened.back() = *stem;
        const std::uint64_t hash = NameIndex::extend(prefixes[n - 1], NameIndex::hash(stem->text));
        const std::int64_t count = uses(stem->text);
        if (std::optional<Match> found = match(shortened, hash, rare_words[n - 1] + (count == 0), count)) return found;
    }
    return std::nullopt;
}

void EntityLinker::Impl::match(std::string_view text, Segment& s, Strength strength) const {
    std::vector<Match> found;
    for (std::size_t first = 0; first < s.words.size(); ++first)
        if (std::optional<Match> match = longest_at(text, s, first, strength)) found.push_back(std::move(*match));
    std::sort(found.begin(), found.end(), [](const Match& a, const Match& b) {
        return std::tuple(b.words, a.possessive, b.rare_words, a.first) <
               std::tuple(a.words, b.possessive, a.rare_words, b.first);
    });
    choose_apart(found, s.words.size(), s.matches);
}

void EntityLinker::Impl::match_best_weak(std::string_view text, std::vector<Segment>& all) const {
    std::optional<Match> best;
    std::pair<std::size_t, std::int64_t> best_rank;
    Segment* place = nullptr;
    for (Segment& s : all) {
        for (std::size_t first = 0; first < s.words.size(); ++first) {
            std::optional<Match> found = longest_at(text, s, first, Strength::weak);
            if (!found) continue;
            // A weak match of one word must have the name's spelling: "it" is a word, "IT" may be Italy.
            const bool exact_spelling = std::any_of(found->entities.begin(), found->entities.end(), [&](Token entity) {
                return fit(names.vocabulary().text(entity), text, found->begin, found->end) >= normalized;
            });
            if (found->words == 1 && !exact_spelling) continue;
            const std::pair rank{found->words, -found->rarest};
            if (best && rank <= best_rank) continue;
            best = std::move(found);
            best_rank = rank;
            place = &s;
        }
    }
    if (best) place->matches.push_back(std::move(*best));
}

// The word "s" of a possessive that ends at `end`, as in "[Peru]'s".
static TextPart possessive_part(std::size_t end) { return {end - 1, end, "s", {}}; }

void EntityLinker::Impl::append_parts(std::vector<TextPart>& parts, const Segment& s, std::string_view text) const {
    std::size_t at = 0;
    const auto words_until = [&](std::size_t end) {
        for (const std::size_t size : groups(std::span(s.words).subspan(at, end - at), text)) {
            Word word = words::joined(std::span(s.words).subspan(at, size));
            parts.push_back({word.begin, word.end, std::move(word.text), {}});
            at += size;
        }
    };
    for (const Match& match : s.matches) {
        words_until(match.first);
        at += match.words;
        const bool whole = match.words == s.words.size();
        parts.push_back(
            {whole ? s.begin : match.begin, whole && !match.possessive ? s.end : match.end, {}, match.entities});
        if (match.possessive) parts.push_back(possessive_part(s.words[at - 1].end));
    }
    words_until(s.words.size());
}

EntityLinker::EntityLinker(const Vocabulary& vocabulary, std::vector<bool> in_use)
    : impl_(new Impl{NameIndex(vocabulary, std::move(in_use))}) {}
EntityLinker::~EntityLinker() = default;
EntityLinker::EntityLinker(EntityLinker&&) noexcept = default;
EntityLinker& EntityLinker::operator=(EntityLinker&&) noexcept = default;

std::vector<Token> EntityLinker::find(std::string_view name) const { return impl_->find(name); }

std::vector<Token> EntityLinker::Impl::find(std::string_view name) const {
    const Vocabulary& vocabulary = names.vocabulary();
    const std::optional<Token> exact = vocabulary.find(TokenKind::entity, name);
    if (exact && names.is_in_use(*exact)) return {*exact};
    const std::vector<Word> words = words::units_of(name);
    if (words.empty() || words.size() > NameIndex::max_words) return {};
    std::uint64_t hash = 0;
    for (const Word& word : words) hash = NameIndex::extend(hash, NameIndex::hash(word.text));
    return highest(names.find(words, hash), [&](Token entity) { return fit(vocabulary.text(entity), name); });
}

// Keeps the "s" of "[Peru]'s" from matching an entity called "S".
static void hide_possessive(std::string_view text, Segment& behind_brackets) {
    const std::string_view rest = text.substr(behind_brackets.begin);
    const bool apostrophe = rest.starts_with("'") || rest.starts_with("\u2019");
    if (apostrophe && !behind_brackets.words.empty() && behind_brackets.words[0].text == "s")
        behind_brackets.hashes[0] = 0;
}

// Whether a text has small letters and no others. Numbers and scripts without case have none.
static bool is_lower_case(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return c >= 'a' && c <= 'z'; }) && to_lower(text) == text;
}

// Removes the matches in lower case from a text with names in brackets.
static void drop_lower_case(std::string_view text, std::vector<Segment>& all, bool beside_names) {
    for (std::size_t i = 1; i < all.size(); i += 2) beside_names = beside_names || !all[i].matches.empty();
    for (std::size_t i = 0; i < all.size() && beside_names; i += 2)
        std::erase_if(all[i].matches,
                      [&](const Match& m) { return is_lower_case(text.substr(m.begin, m.end - m.begin)); });
}

// The strong matches, and all inside of brackets.
std::vector<Segment> EntityLinker::Impl::matched(std::string_view text, const LinkOptions& options) const {
    std::vector<Segment> all = segments(text);
    for (std::size_t i = 2; i < all.size(); i += 2) hide_possessive(text, all[i]);
    for (std::size_t i = 0; i < all.size(); ++i) {
        Segment& s = all[i];
        const bool bracketed = i % 2 == 1;
        std::vector<Token> literal;
        if (bracketed) literal = find(text.substr(s.begin, s.end - s.begin));
        if (!literal.empty())
            s.matches.push_back({0, s.words.size(), s.begin, s.end, false, 0, 0, std::move(literal)});
        else
            match(text, s, options.avoid_common_words ? Strength::strong : Strength::any);
    }
    return all;
}

std::vector<TextPart> EntityLinker::parts(std::string_view text, const LinkOptions& options) const {
    std::vector<Segment> all = impl_->matched(text, options);
    const bool named = std::ranges::any_of(all, [](const Segment& s) { return !s.matches.empty(); });
    if (!named && !options.beside_names && options.avoid_common_words) impl_->match_best_weak(text, all);
    if (options.avoid_common_words) drop_lower_case(text, all, options.beside_names);
    std::vector<TextPart> parts;
    for (const Segment& s : all) impl_->append_parts(parts, s, text);
    return parts;
}

// Whether a part is the "s" of a possessive behind a name.
static bool is_possessive(std::string_view text, const TextPart& before, const TextPart& part) {
    const std::string_view between = text.substr(before.end, part.begin - before.end);
    return part.word == "s" && !before.entities.empty() && (between.ends_with("'") || between.ends_with("\u2019"));
}

static LinkedText linked_text(const Vocabulary& vocabulary, std::string_view text, const std::vector<TextPart>& parts) {
    LinkedText linked;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const TextPart& part = parts[i];
        linked.tokens.insert(linked.tokens.end(), part.entities.begin(), part.entities.end());
        linked.entities.insert(linked.entities.end(), part.entities.begin(), part.entities.end());
        if (!part.entities.empty()) continue;
        const std::optional<Token> word = vocabulary.find(TokenKind::word, part.word);
        const bool known = word && vocabulary.count(*word) > 0;
        if (!known && i > 0 && is_possessive(text, parts[i - 1], part)) continue;
        linked.tokens.push_back(known ? *word : unknown_token);
        if (!known) linked.unknown_words.push_back(part.word);
    }
    return linked;
}

LinkedText EntityLinker::link(std::string_view text, const LinkOptions& options) const {
    return linked_text(impl_->names.vocabulary(), text, parts(text, options));
}

std::optional<LinkedText> EntityLinker::link_as(std::string_view text, const NearName& name) const {
    // No part is both inside of brackets and outside.
    if (text.substr(name.begin, name.end - name.begin).find_first_of("[]") != text.npos) return std::nullopt;
    std::vector<Segment> segments = impl_->matched(text, {});
    drop_lower_case(text, segments, !is_lower_case(text.substr(name.begin, name.end - name.begin)));
    std::vector<TextPart> parts, all;
    for (const Segment& s : segments) impl_->append_parts(parts, s, text);
    bool explains = false, covers_name = false;  // explains what link() does not
    for (TextPart& part : parts) {
        const bool apart = part.end <= name.begin || part.begin >= name.end;
        const bool is_name = !part.entities.empty(), is_whole = part.begin == name.begin && part.end == name.end;
        if (is_name && (apart || part.begin < name.begin || part.end > name.end)) return std::nullopt;
        if (apart) {
            all.push_back(std::move(part));
            continue;
        }
        explains = explains || (is_name ? is_whole || covers_name : impl_->uses(part.word) == 0);
        covers_name = covers_name || is_name;
        if (all.empty() || all.back().begin != name.begin || all.back().entities.empty())
            all.push_back({name.begin, name.end, {}, {name.entity}});
        if (part.end > name.end) all.push_back(possessive_part(part.end));
    }
    if (!explains) return std::nullopt;
    return linked_text(impl_->names.vocabulary(), text, all);
}

std::vector<NearName> EntityLinker::nearest(std::string_view text, int count) const {
    return nearest_names(impl_->names, text, count);
}

}  // namespace kvmem
