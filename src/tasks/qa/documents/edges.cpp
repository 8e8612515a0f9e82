#include "tasks/qa/documents/edges.hpp"

#include <algorithm>
#include <array>

namespace kvmem::documents {

static bool is_conjunction(const std::string& word) { return word == "and" || word == "or" || word == "with"; }

// The words of `cue` are prepended, or behind the mention appended.
std::string cue_of(const std::vector<Place>& sentence, Index i) {
    const auto is_word = [&](Index at) { return at >= 0 && !sentence[at].word.empty(); };
    Index at = i - 1;
    while (at >= 0 && (!is_word(at) || is_conjunction(sentence[at].word))) --at;
    if (at < 0) {
        std::string cue;
        for (Index next = i + 1; next < std::min(i + 3, std::ssize(sentence)) && is_word(next); ++next)
            cue += (cue.empty() ? "_ " : " ") + sentence[next].word;
        return cue;
    }
    std::string cue = sentence[at].word;
    if (!is_word(--at)) return cue;
    cue = sentence[at].word + " " + cue;
    if (is_word(at - 1) && sentence[at - 1].word == "and" && is_word(at - 2))
        cue = sentence[at - 2].word + " and " + cue;
    return cue;
}

// What the spelling of a name shows of its kind, for the cue of its mention.
static const char* kind_of(const std::string& name, bool capital_in_text) {
    const auto has = [&](char first, char last) {
        return std::ranges::any_of(name, [&](char c) { return first <= c && c <= last; });
    };
    if (!has('A', 'Z') && !has('a', 'z')) return has('0', '9') ? " (number)" : "";
    if (!has('A', 'Z')) return " (word)";
    return capital_in_text ? "" : " (Word)";
}

void EdgeWriter::add_sentence(Token title, const std::vector<Place>& sentence, Index document,
                              const Vocabulary& vocabulary) {
    for (Index i = 0; i < std::ssize(sentence); ++i) {
        const Place& place = sentence[i];
        const std::string cue = place.entities.empty() ? std::string() : cue_of(sentence, i);
        for (const Token name : place.entities) {
            if (name == title) continue;
            const auto [number, added] =
                numbers_.try_emplace(cue + kind_of(vocabulary.text(name), place.capital), std::ssize(cues_));
            if (added) cues_.emplace_back(number->first, 0);
            ++cues_[number->second].second;
            edges_.push_back({title,
                              name,
                              number->second,
                              {document, static_cast<Index>(place.begin), static_cast<Index>(place.end)}});
        }
    }
}

DocumentMemory EdgeWriter::finish(Vocabulary& vocabulary) const {
    std::vector<std::array<Token, 2>> relations;  // of each cue, and its inverse
    for (const auto& [cue, uses] : cues_) {
        const std::size_t kind = std::min(cue.find(" ("), cue.size());
        const std::string name = kind == 0 || uses < min_uses ? "mentions" + cue.substr(kind) : cue;
        relations.push_back(
            {vocabulary.add(TokenKind::relation, name), vocabulary.add(TokenKind::relation, reversed_relation(name))});
    }
    DocumentMemory memory;
    for (const Edge& edge : edges_) {
        const auto& [forward, reverse] = relations[edge.cue];
        memory.slots.push(std::array{edge.title, forward}, std::array{edge.name});
        memory.slots.push(std::array{edge.name, reverse}, std::array{edge.title});
        memory.origin.insert(memory.origin.end(), 2, edge.origin);
    }
    return memory;
}

}  // namespace kvmem::documents
