#include "text/nearest_names.hpp"

#include "text/function_words.hpp"
#include "text/words.hpp"

#include <algorithm>
#include <bitset>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

namespace kvmem {

namespace {

constexpr std::size_t max_text_words = 40;   // of the text; words behind them are ignored
constexpr std::size_t max_part_words = 8;    // of a part of the text that is compared with names
constexpr std::size_t max_name_bytes = 200;  // of a name that is compared
constexpr std::size_t max_candidates =
    300;  // names with the largest shares of trigrams, whose edit distance is computed

// A set of hashed trigrams. A collision only adds a name to the comparison.
class Trigrams {
  public:
    void add(std::string_view s) {
        for (std::size_t i = 0; i + 3 <= s.size(); ++i) bits_.set(slot(s.data() + i));
    }
    // The share of this text's trigrams that are in the set.
    double share(std::string_view s) const {
        if (s.size() < 3) return 0;
        std::size_t shared = 0;
        for (std::size_t i = 0; i + 3 <= s.size(); ++i) shared += bits_.test(slot(s.data() + i));
        return static_cast<double>(shared) / static_cast<double>(s.size() - 2);
    }

  private:
    static std::size_t slot(const char* s) {
        const auto byte = [s](int i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(s[i])); };
        return (byte(0) << 16 | byte(1) << 8 | byte(2)) * 2654435761u >> 18;
    }
    std::bitset<std::size_t{1} << 14> bits_;
};

// A name that shares trigrams with the text.
struct Candidate {
    double share;
    Token token;
    bool operator<(const Candidate& other) const {
        return share != other.share ? share > other.share : token < other.token;
    }
};

// A run of the text's words.
struct Part {
    std::string spaced;      // " jean dujardin "
    std::u32string letters;  // the same
    std::size_t begin, end;
    bool common;  // whether training questions have all of its words
};

}  // namespace

std::size_t edit_distance(std::u32string_view a, std::u32string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
        }
    }
    return row.back();
}

// " jean dujardin ": with the spaces, trigrams mark where words begin and end.
static void spaced_words(std::string& out, std::string_view text) {
    out.assign(1, ' ');
    words::for_each(text, [&](std::size_t begin, std::size_t end) {
        words::append_normal(out, text.substr(begin, end - begin));
        out += ' ';
    });
}

static bool is_common(const Vocabulary& vocabulary, const Word& word) {
    const auto token = vocabulary.find(TokenKind::word, word.text);
    return token && vocabulary.count(*token) > 0;
}

// All runs of up to `max_part_words` words with a word in them that training questions do not use, if there is any;
// also without the possessive "'s" of the last word.
static std::vector<Part> parts_to_compare(const Vocabulary& vocabulary, std::string_view text) {
    std::vector<Word> words = words::units_of(text);
    words.resize(std::min(words.size(), max_text_words));
    const bool all_common = std::ranges::all_of(words, [&](const Word& w) { return is_common(vocabulary, w); });
    std::vector<Part> parts;
    for (std::size_t first = 0; first < words.size(); ++first) {
        std::string before = " ";
        bool some_uncommon = false;
        const auto add = [&](const Word& last) {
            const bool uncommon = some_uncommon || !is_common(vocabulary, last);
            const std::string spaced = before + last.text + ' ';
            if (uncommon || all_common)
                parts.push_back({spaced, words::characters(spaced), words[first].begin, last.end, !uncommon});
        };
        for (std::size_t n = 0; n < max_part_words && first + n < words.size(); ++n) {
            const Word& word = words[first + n];
            if (before.size() + word.text.size() + 1 > max_name_bytes) break;
            add(word);
            if (const std::optional<Word> stem = words::stem(word, text)) add(*stem);
            before += word.text + ' ';
            some_uncommon = some_uncommon || !is_common(vocabulary, word);
        }
    }
    return parts;
}

// The number of letters to add, take away, change, or swap with their neighbour, where no letter is changed twice.
static std::size_t typing_errors(std::u32string_view a, std::u32string_view b) {
    std::vector<std::size_t> row(b.size() + 1), last(row), before_last(row);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        before_last.swap(last);
        last.swap(row);
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            row[j + 1] = std::min({last[j] + (a[i] != b[j]), last[j + 1] + 1, row[j] + 1});
            if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j])
                row[j + 1] = std::min(row[j + 1], before_last[j - 1] + 1);
        }
    }
    return row.back();
}

// A name of which a rare word of the text is a word: "Nolan" is a part of "Christopher Nolan".
static std::optional<NearName> containing(const std::vector<const Part*>& words, const std::string& spaced,
                                          Token token) {
    for (const Part* word : words) {
        if (spaced.find(word->spaced) == spaced.npos) continue;
        const auto letters = static_cast<double>(words::characters(spaced).size() - 2);
        const double share = static_cast<double>(word->letters.size() - 2) / letters;
        return NearName{token, 1 - share, word->begin, word->end, word->common};
    }
    return std::nullopt;
}

// What is compared with a text: the names that share most trigrams with it, and those that contain a rare word of it.
struct Compared {
    std::vector<Candidate> candidates;
    std::vector<NearName> containing;
};

static Compared names_to_compare(const NameIndex& names, const std::vector<Part>& parts) {
    Trigrams trigrams;
    std::vector<const Part*> words;
    for (const Part& part : parts) {
        trigrams.add(part.spaced);
        const bool is_word = part.spaced.find(' ', 1) + 1 == part.spaced.size();
        if (is_word && !part.common) words.push_back(&part);
    }
    Compared compared;
    std::string spaced;
    names.for_each([&](Token token) {
        const std::string& name = names.vocabulary().text(token);
        if (name.size() > max_name_bytes) return;
        spaced_words(spaced, name);
        const double share = trigrams.share(spaced);
        if (share > 0.2) compared.candidates.push_back({share, token});
        if (const auto found = containing(words, spaced, token)) compared.containing.push_back(*found);
    });
    const std::size_t count = std::min(compared.candidates.size(), max_candidates);
    std::partial_sort(compared.candidates.begin(), compared.candidates.begin() + static_cast<std::ptrdiff_t>(count),
                      compared.candidates.end());
    compared.candidates.resize(count);
    return compared;
}

// A name is as far from a text that lacks the function word at its beginning as from one with a typing error.
static std::optional<NearName> nearest_part(Token token, const std::string& spaced, const std::vector<Part>& parts) {
    const std::u32string name = words::characters(spaced);
    const std::size_t letters = name.size() - 2, second = spaced.find(' ', 1);
    const bool has_opening = second + 1 < spaced.size() && is_function_word(spaced.substr(1, second - 1));
    std::size_t min_edits = letters / 3 + 1;  // more are too many
    const Part* nearest = nullptr;
    const auto compare = [&](std::u32string_view to, std::size_t lacking) {
        for (const Part& part : parts) {
            const std::size_t lengths[] = {part.letters.size(), to.size()};
            if (std::max(lengths[0], lengths[1]) - std::min(lengths[0], lengths[1]) + lacking >= min_edits) continue;
            const std::size_t edits = typing_errors(part.letters, to) + lacking;
            if (edits < min_edits) min_edits = edits, nearest = &part;
        }
    };
    compare(name, 0);
    if (has_opening) compare(std::u32string_view(name).substr(second), 1);  // function words are ASCII
    if (!nearest) return std::nullopt;
    return NearName{token, static_cast<double>(min_edits) / static_cast<double>(letters), nearest->begin, nearest->end,
                    nearest->common};
}

std::vector<NearName> nearest_names(const NameIndex& names, std::string_view text, int count) {
    const std::vector<Part> parts = parts_to_compare(names.vocabulary(), text);
    const Compared compared = names_to_compare(names, parts);
    std::vector<NearName> near;
    std::string spaced;
    for (const Candidate& candidate : compared.candidates) {
        spaced_words(spaced, names.vocabulary().text(candidate.token));
        if (const auto found = nearest_part(candidate.token, spaced, parts)) near.push_back(*found);
    }
    const auto compared_end = std::ssize(near);
    for (const NearName& name : compared.containing) {
        const auto end = near.begin() + compared_end;
        if (std::find_if(near.begin(), end, [&](const NearName& n) { return n.entity == name.entity; }) == end)
            near.push_back(name);
    }
    std::ranges::sort(near, [](const NearName& a, const NearName& b) {
        return a.distance != b.distance ? a.distance < b.distance : a.entity < b.entity;
    });
    if (std::cmp_greater(near.size(), count)) near.resize(static_cast<std::size_t>(std::max(count, 0)));
    return near;
}

}  // namespace kvmem
