#include "tasks/qa/documents/spellings.hpp"

#include "kvmem/text/tokenizer.hpp"
#include "text/nearest_names.hpp"
#include "text/words.hpp"

#include <algorithm>
#include <bit>

namespace kvmem::documents {

// A bit for each letter: words with few letters in common are soon told apart.
static std::uint32_t mask_of(std::u32string_view letters) {
    std::uint32_t mask = 0;
    for (const char32_t c : letters) mask |= 1u << (c & 31u);
    return mask;
}

void Spellings::prepare() const {
    const std::vector<std::string>& words = corpus_.collection.words;
    for (Index i = 0; i < std::ssize(words); ++i) {
        const std::u32string letters = words::characters(without_accents(words[i]));
        if (letters.empty()) continue;
        by_first_[letters[0]].push_back({letters_.size(), letters.size(), mask_of(letters), i});
        letters_ += letters;
    }
}

Index Spellings::uses(Index word) const {
    const Token stem = corpus_.postings.stem_of[word];
    return corpus_.postings.offsets[stem + 1] - corpus_.postings.offsets[stem];
}

Spellings::Nearest Spellings::nearest(std::string_view misspelt) const {
    const std::u32string letters = words::characters(without_accents(misspelt));
    if (letters.size() < 5 || std::ranges::any_of(letters, [](char32_t c) { return U'0' <= c && c <= U'9'; }))
        return {};
    std::call_once(once_, [&] { prepare(); });
    const auto same_first = by_first_.find(letters[0]);
    if (same_first == by_first_.end()) return {};
    const std::uint32_t mask = mask_of(letters);
    std::size_t allowed = letters.size() < 9 ? 1 : 2;
    const Entry* nearest = nullptr;
    for (const Entry& entry : same_first->second) {
        if (entry.size + allowed < letters.size() || entry.size > letters.size() + allowed ||
            static_cast<std::size_t>(std::popcount(mask ^ entry.mask)) > 2 * allowed)
            continue;
        const std::size_t distance =
            edit_distance(letters, std::u32string_view(letters_).substr(entry.begin, entry.size));
        if (distance > allowed || (nearest && distance == allowed && uses(entry.word) <= uses(nearest->word))) continue;
        allowed = distance, nearest = &entry;
    }
    if (!nearest) return {};
    return {corpus_.collection.words[nearest->word],
            1 - static_cast<double>(allowed) / static_cast<double>(letters.size())};
}

}  // namespace kvmem::documents
