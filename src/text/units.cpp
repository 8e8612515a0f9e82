#include "kvmem/text/units.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/text.hpp"
#include "text/pair_merging.hpp"
#include "text/unit_parts.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

namespace kvmem {

std::span<const char* const> choices(UnitKind) {
    static constexpr const char* names[] = {"chars", "words", "bpe"};
    return names;
}

static std::uint64_t hash_of(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }
static std::uint64_t hash_of(Units::Merge pair) { return XXH3_64bits(&pair, sizeof pair); }

Units::Units(UnitKind kind) : kind_(kind), texts_{"<unknown>", "<begin>", "<end>"} {
    if (kind != UnitKind::bpe) return;
    for (int byte = 0; byte < bytes; ++byte) texts_.emplace_back(1, static_cast<char>(byte));
}

Units::Units(UnitKind kind, std::span<const std::string> symbols) : Units(kind) {
    if (kind == UnitKind::bpe) throw Error({.what = "units of bpe are made from merges", .where = "Units"});
    for (const std::string& symbol : symbols) add_symbol(symbol);
}

Units::Units(std::span<const Merge> merges) : Units(UnitKind::bpe) {
    for (const Merge& merge : merges) add_merge(merge);
}

static void require_room(Token size) {
    if (size == std::numeric_limits<Token>::max())
        throw Error({.what = "these are too many units", .expected = "at most 2^31 - 1 tokens"});
}

void Units::add_symbol(std::string_view symbol) {
    require_room(size());
    const auto refuse = [&](const char* what, const char* expected) {
        throw Error({.what = what, .expected = expected, .got = "'" + std::string(symbol) + "'"});
    };
    if (invalid_utf8_at(symbol) != std::string_view::npos) refuse("a unit is not UTF-8", "UTF-8");
    Index parts = 0;
    unit_parts(kind_, symbol, [&](std::string_view part) { parts += part.size() == symbol.size() ? 1 : 2; });
    if (parts != 1) refuse("a unit's text is wrong", kind_ == UnitKind::chars ? "one character" : "a word");
    if (find(symbol) != unknown_token) refuse("a unit comes twice", "different ones");
    numbers_.add(hash_of(symbol), size());
    texts_.emplace_back(symbol);
}

void Units::add_merge(Merge pair) {
    require_room(size());
    const auto refuse = [&](const std::string& what, const std::string& expected) {
        throw Error({.what = what,
                     .expected = expected,
                     .got = std::to_string(pair.first) + " and " + std::to_string(pair.second)});
    };
    if (std::min(pair.first, pair.second) < specials || std::max(pair.first, pair.second) >= size())
        refuse("a merge has a wrong token", std::to_string(specials) + " to " + std::to_string(size() - 1));
    if (find(pair) >= 0) refuse("a merge comes twice", "different ones");
    std::string merged = text(pair.first) + text(pair.second);
    if (merged.size() > max_merged)
        refuse("a merged token is too long", "at most " + std::to_string(max_merged) + " bytes");
    numbers_.add(hash_of(pair), size());
    texts_.push_back(std::move(merged));
    merges_.push_back(pair);
}

Token Units::find(std::string_view symbol) const {
    return std::max(unknown_token, numbers_.find(hash_of(symbol), [&](Token token) { return text(token) == symbol; }));
}

Token Units::find(Merge pair) const {
    return numbers_.find(hash_of(pair), [&](Token token) {
        return merges_[static_cast<std::size_t>(token - specials - bytes)] == pair;
    });
}

Units Units::with_marks(std::span<const std::string> names) const {
    constexpr Index max_marks = 4096;  // each is compared with all before it
    if (std::ssize(names) > max_marks - marks_)
        throw Error({.what = "too many marks", .expected = "at most 4096", .got = std::to_string(names.size())});
    Units units = *this;
    for (const std::string& name : names) {
        require_room(units.size());
        const std::string mark = "<" + name + ">";
        const bool is_name = !name.empty() && mark.size() <= max_merged && invalid_utf8_at(name) == std::string::npos &&
                             name.find_first_of(std::string(ascii_blanks) + "<>") == std::string::npos;
        const auto same = std::ranges::find(units.texts_, mark) - units.texts_.begin();
        if (!is_name || same < specials || (same < units.size() && units.is_mark(static_cast<Token>(same))))
            throw Error(
                {.what = "a mark cannot have this name", .expected = "a word of its own", .got = "'" + name + "'"});
        units.texts_.push_back(mark);
        ++units.marks_;
    }
    return units;
}

static void require_utf8(std::string_view text) {
    if (const std::size_t bad = invalid_utf8_at(text); bad != std::string_view::npos)
        throw Error({.what = "the text is not valid UTF-8", .got = "a stray byte at position " + std::to_string(bad)});
}

std::vector<Token> Units::encode(std::string_view utf8) const {
    std::vector<Token> tokens;
    encode(utf8, tokens);
    return tokens;
}

void Units::encode(std::string_view utf8, std::vector<Token>& tokens) const {
    require_utf8(utf8);
    unit_parts(kind_, encode_mark(utf8, tokens), [&](std::string_view part) {
        if (kind_ == UnitKind::bpe)
            encode_word(part, tokens);
        else
            tokens.push_back(find(part));
    });
}

// Appends the mark that a text begins with, and returns the text behind it.
std::string_view Units::encode_mark(std::string_view utf8, std::vector<Token>& tokens) const {
    for (Token token = size() - marks_; token < size(); ++token) {
        if (!utf8.starts_with(text(token))) continue;
        tokens.push_back(token);
        return utf8.substr(text(token).size());
    }
    return utf8;
}

void Units::encode_word(std::string_view word, std::vector<Token>& tokens) const {
    const std::size_t begin = tokens.size();
    for (const char byte : word) tokens.push_back(specials + static_cast<unsigned char>(byte));
    const auto merged = [this](Token left, Token right) { return find({left, right}); };
    tokens.resize(begin + merge_pairs(std::span(tokens).subspan(begin), merged));
}

std::string Units::decode(std::span<const Token> tokens) const {
    std::string decoded;
    for (const Token token : tokens) {
        if (token == begin_token || token == end_token) continue;
        if (kind_ == UnitKind::words && !decoded.empty()) decoded += ' ';
        decoded += text(token);
    }
    return kind_ == UnitKind::bpe ? as_utf8(decoded) : decoded;
}

bool Units::operator==(const Units& other) const {
    return kind_ == other.kind_ && texts_ == other.texts_ && merges_ == other.merges_ && marks_ == other.marks_;
}

Units Units::learn(UnitKind kind, std::span<const std::string_view> texts, Index size) {
    const Index fixed = Units(kind).size();
    const bool fits = size == 0 ? kind != UnitKind::bpe : size >= fixed && size <= std::numeric_limits<Token>::max();
    if (!fits)
        throw UsageError({.what = "no such number of units",
                          .expected = std::to_string(fixed) + " to 2^31 - 1",
                          .got = std::to_string(size)});
    std::unordered_map<std::string_view, Index> counts;
    for (const std::string_view text : texts) {
        require_utf8(text);
        unit_parts(kind, text, [&](std::string_view part) { ++counts[part]; });
    }
    std::vector<CountedText> counted(counts.begin(), counts.end());
    std::ranges::sort(counted, [](const CountedText& a, const CountedText& b) {
        return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    Units units(kind);
    if (kind == UnitKind::bpe) {
        for (const Merge& merge : learn_merges(counted, specials, size - fixed)) units.add_merge(merge);
        return units;
    }
    if (size > 0) counted.resize(std::min(counted.size(), static_cast<std::size_t>(size - fixed)));
    for (const CountedText& symbol : counted) units.add_symbol(symbol.first);
    return units;
}

}  // namespace kvmem
