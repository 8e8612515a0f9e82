#include "tasks/qa/documents/spellings.hpp"

#include "kvmem/text/tokenizer.hpp"
#include "text/nearest_names.hpp"
#include "text/words.hpp"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

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

void NearWords::add(const NearWords& more) {
    if (more.words.empty() || (!words.empty() && other < more.other)) return;
    if (words.empty() || more.other < other) {
        *this = more;
        return;
    }
    std::vector<std::string> both;
    both.reserve(words.size() + more.words.size());
    std::ranges::set_union(words, more.words, std::back_inserter(both));
    words = std::move(both);
}

NearWords Spellings::nearest(std::string_view misspelt) const {
    const std::u32string letters = words::characters(without_accents(misspelt));
    if (letters.size() < 5 || std::ranges::any_of(letters, [](char32_t c) { return U'0' <= c && c <= U'9'; }))
        return {};
    std::call_once(once_, [&] { prepare(); });
    const auto same_first = by_first_.find(letters[0]);
    if (same_first == by_first_.end()) return {};
    const std::uint32_t mask = mask_of(letters);
    std::size_t allowed = letters.size() < 9 ? 1 : 2;
    std::vector<const Entry*> nearest;
    for (const Entry& entry : same_first->second) {
        if (entry.size + allowed < letters.size() || entry.size > letters.size() + allowed ||
            static_cast<std::size_t>(std::popcount(mask ^ entry.mask)) > 2 * allowed)
            continue;
        const std::size_t distance =
            edit_distance(letters, std::u32string_view(letters_).substr(entry.begin, entry.size));
        if (distance > allowed) continue;
        if (distance < allowed) nearest.clear();
        allowed = distance;
        nearest.push_back(&entry);
    }
    if (nearest.empty()) return {};
    NearWords near{std::ssize(letters), static_cast<Index>(allowed)};
    near.words.reserve(nearest.size());
    for (const Entry* entry : nearest) near.words.push_back(corpus_.collection.words[entry->word]);
    return near;
}

}  // namespace kvmem::documents
