#include "tasks/qa/slot_sources.hpp"

#include "kvmem/tasks/qa/documents/postings.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

namespace kvmem {

SlotSources::SlotSources(const Slots& memory, std::vector<SlotOrigin> origin,
                         std::shared_ptr<const documents::Corpus> documents, const Vocabulary& vocabulary,
                         bool of_facts)
    : memory_(&memory), origin_(std::move(origin)), documents_(std::move(documents)) {
    if (of_facts && has_any())
        by_subject_.emplace(memory, vocabulary,
                            RetrieverOptions{.max_frequency = memory.size(), .max_slots = memory.size()});
}

Quote SlotSources::quote(Index slot) const {
    if (!documents_ || slot < 0 || slot >= std::ssize(origin_)) return {};
    const documents::Collection& collection = documents_->collection;
    const SlotOrigin& origin = origin_[static_cast<std::size_t>(slot)];
    if (origin.document < 0 || origin.document >= std::ssize(collection.documents)) return {};
    const documents::Range range = collection.sentences_of(collection.documents[origin.document]);
    const auto first = collection.sentences.begin() + range.first, last = collection.sentences.begin() + range.last;
    const auto behind =
        std::upper_bound(first, last, origin.begin,
                         [](Index byte, const documents::Sentence& sentence) { return byte < sentence.bytes.first; });
    if (behind == first) return {};
    const documents::File& file = collection.files[collection.file_of(origin.document)];
    const auto [line, column] = documents::Collection::place_of(file, origin.begin);
    return {std::string(collection.text_of(*std::prev(behind))),
            file.path + ":" + std::to_string(line) + ":" + std::to_string(column)};
}

std::vector<std::optional<Quote>> SlotSources::quotes(std::span<const StatedFact> facts) const {
    std::vector<std::optional<Quote>> quotes(facts.size());
    if (!by_subject_) return quotes;
    std::vector<Token> subjects;
    subjects.reserve(facts.size());
    std::multimap<std::array<Token, 3>, std::size_t> wanted;
    for (std::size_t i = 0; i < facts.size(); ++i) {
        const auto& [subject, relation, object] = facts[i];
        subjects.push_back(subject);
        wanted.emplace(std::array{subject, relation, object}, i);
    }
    std::ranges::sort(subjects);
    subjects.erase(std::unique(subjects.begin(), subjects.end()), subjects.end());
    for (const Index slot : by_subject_->retrieve(subjects)) {
        const auto key = memory_->key[slot], value = memory_->value[slot];
        if (key.size() != 2 || value.size() != 1) continue;
        const auto [first, last] = wanted.equal_range({key[0], key[1], value[0]});
        for (auto at = first; at != last; ++at) quotes[at->second] = quote(slot);
        wanted.erase(first, last);
    }
    return quotes;
}

}  // namespace kvmem
