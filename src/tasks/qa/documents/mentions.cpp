#include "tasks/qa/documents/mentions.hpp"

#include "text/matches.hpp"
#include "text/words.hpp"

#include <algorithm>
#include <optional>
#include <tuple>

namespace kvmem::documents {

struct MentionFinder::Text {
    std::string_view text;
    std::vector<Word> words;
    std::vector<std::uint64_t> hashes;
};

// Whether the text has the name as it is spelled, where the name's first word is at `begin`.
static bool is_spelled(std::string_view text, std::string_view name, std::size_t begin) {
    std::optional<std::size_t> before;  // the bytes of the name before its first word
    words::for_each(name, [&](std::size_t first, std::size_t) { before = before.value_or(first); });
    return before && *before <= begin && text.substr(begin - *before).starts_with(name);
}

// The names of these words that count as mentions.
std::vector<Token> MentionFinder::named(const Text& text, std::size_t first, std::span<const Word> words,
                                        std::uint64_t hash) const {
    std::vector<Token> found = names_.find(words, hash);
    if (which_ == Mentions::exact)
        std::erase_if(found, [&](Token name) {
            return !is_spelled(text.text, names_.vocabulary().text(name), text.words[first].begin);
        });
    return found;
}

// The names that begin at a word, longest first; with the last word's "'s" before those without it.
std::vector<MentionFinder::Match> MentionFinder::matches_at(const Text& text, std::size_t first,
                                                            std::size_t max_words) const {
    std::vector<Match> matches;
    const std::size_t names_with_first = names_.max_words_from(text.hashes[first]);
    const std::size_t max = std::min(max_words, std::max<std::size_t>(names_with_first, 1));
    std::uint64_t before = 0;
    for (std::size_t n = 1; n <= max; ++n) {
        const std::span<const Word> words = std::span(text.words).subspan(first, n);
        const std::uint64_t all = NameIndex::extend(before, text.hashes[first + n - 1]);
        if (const std::optional<Word> stem = words::stem(words.back(), text.text)) {
            std::vector<Word> shortened(words.begin(), words.end());
            shortened.back() = *stem;
            std::vector<Token> found =
                named(text, first, shortened, NameIndex::extend(before, NameIndex::hash(stem->text)));
            if (!found.empty()) matches.push_back({first, n, stem->end, std::move(found)});
        }
        std::vector<Token> found = n <= names_with_first ? named(text, first, words, all) : std::vector<Token>();
        if (!found.empty()) matches.push_back({first, n, words.back().end, std::move(found)});
        before = all;
    }
    std::ranges::reverse(matches);
    return matches;
}

// The longest mentions that do not overlap, in the order of the text.
std::vector<MentionFinder::Match> MentionFinder::longest(const Text& text) const {
    std::vector<Match> all, chosen;
    for (std::size_t first = 0; first < text.words.size(); ++first) {
        std::vector<Match> found = matches_at(text, first, text.words.size() - first);
        std::ranges::move(found, std::back_inserter(all));
    }
    std::ranges::stable_sort(all, [](const Match& a, const Match& b) { return a.words > b.words; });
    choose_apart(all, text.words.size(), chosen);
    return chosen;
}

// Adds the names within a longer one.
void MentionFinder::add_inner(const Text& text, Match& match) const {
    const std::size_t end = match.first + match.words;
    for (std::size_t first = match.first; first < end; ++first)
        for (const Match& inner : matches_at(text, first, end - first))
            for (const Token name : inner.entities)
                if (std::ranges::find(match.entities, name) == match.entities.end()) match.entities.push_back(name);
}

std::vector<Place> MentionFinder::stream(std::string_view whole) const {
    Text text{whole, words::units_of(whole), {}};
    for (const Word& word : text.words) text.hashes.push_back(NameIndex::hash(word.text));
    std::vector<Place> places;
    std::size_t at = 0;
    const auto words_until = [&](std::size_t end) {
        for (const std::size_t size : words::group_words(std::span(text.words).subspan(at, end - at), whole)) {
            Word word = words::joined(std::span(text.words).subspan(at, size));
            places.push_back({word.begin, word.end, std::move(word.text), {}, false});
            at += size;
        }
    };
    for (Match& match : longest(text)) {
        words_until(match.first);
        if (which_ == Mentions::inner && match.words > 1) add_inner(text, match);
        places.push_back({text.words[match.first].begin, match.end, {}, std::move(match.entities), false});
        const std::string_view spelled = whole.substr(places.back().begin, match.end - places.back().begin);
        places.back().capital = std::ranges::any_of(spelled, [](char c) { return 'A' <= c && c <= 'Z'; });
        at += match.words;
    }
    words_until(text.words.size());
    return places;
}

}  // namespace kvmem::documents
