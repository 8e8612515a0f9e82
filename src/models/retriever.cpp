#include "kvmem/models/retriever.hpp"

#include <algorithm>
#include <cstdint>
#include <unordered_set>

namespace kvmem {

Retriever::Retriever(const Slots& memory, const Vocabulary& vocabulary, const RetrieverOptions& options)
    : options_(options), offsets_(static_cast<std::size_t>(vocabulary.size()) + 1, 0) {
    std::vector<std::uint8_t> hashed;  // by token, close together: asked for each token of each key
    for (Token token = 0; token < vocabulary.size(); ++token) {
        const TokenKind kind = vocabulary.kind(token);
        hashed.push_back(kind == TokenKind::entity || (!options.entities_only && kind == TokenKind::word));
    }
    // Calls use(token, slot) for every token of every key, once for each slot.
    const auto each = [&](auto use) {
        for (Index slot = 0; slot < memory.size(); ++slot) {
            const auto key = memory.key[slot];
            for (auto token = key.begin(); token != key.end(); ++token)
                if (hashed[static_cast<std::size_t>(*token)] && std::find(key.begin(), token, *token) == token)
                    use(*token, slot);
        }
    };
    each([&](Token token, Index) { ++offsets_[static_cast<std::size_t>(token) + 1]; });
    for (std::size_t i = 1; i < offsets_.size(); ++i) offsets_[i] += offsets_[i - 1];
    slots_.resize(static_cast<std::size_t>(offsets_.back()));
    std::vector<Index> next(offsets_.begin(), offsets_.end() - 1);
    each([&](Token token, Index slot) {
        slots_[static_cast<std::size_t>(next[static_cast<std::size_t>(token)]++)] = slot;
    });
}

std::span<const Index> Retriever::bucket(Token token) const {
    const auto i = static_cast<std::size_t>(token);
    if (token < 0 || i + 1 >= offsets_.size()) return {};
    return std::span(slots_).subspan(static_cast<std::size_t>(offsets_[i]),
                                     static_cast<std::size_t>(offsets_[i + 1] - offsets_[i]));
}

std::vector<Index> Retriever::retrieve(std::span<const Token> question) const {
    std::vector<Index> found;
    std::span<const Index> rarest;
    for (const Token token : question) {
        const auto slots = bucket(token);
        if (static_cast<Index>(slots.size()) <= options_.max_frequency)
            found.insert(found.end(), slots.begin(), slots.end());
        else if (rarest.empty() || slots.size() < rarest.size())
            rarest = slots;
    }
    if (found.empty()) found.assign(rarest.begin(), rarest.end());
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    if (static_cast<Index>(found.size()) > options_.max_slots)
        found.resize(static_cast<std::size_t>(options_.max_slots));
    return found;
}

RetrievalReport report_retrieval(const QaDataset& dataset, const Split& split, const Retriever& retriever) {
    RetrievalReport report;
    report.questions = split.size();
    std::unordered_set<Token> values;
    for (Index i = 0; i < split.size(); ++i) {
        values.clear();
        Index slots = 0;
        const auto see = [&](const Slots& from, Index slot) {
            values.insert(from.value[slot].begin(), from.value[slot].end());
            values.erase(unknown_token);  // which stands for many
            ++slots;
        };
        if (split.has_own_slots())
            for (Index s = split.own_offsets[static_cast<std::size_t>(i)];
                 s < split.own_offsets[static_cast<std::size_t>(i) + 1]; ++s)
                see(split.own, s);
        for (const Index slot : retriever.retrieve(split.question[i])) see(dataset.memory, slot);
        const auto gold = split.answer[i];
        const auto reached = static_cast<Index>(
            std::count_if(gold.begin(), gold.end(), [&](Token token) { return values.contains(token); }));
        report.slots += slots;
        report.without_slots += slots == 0;
        report.answerable += !gold.empty();
        report.found += reached > 0;
        report.gold += static_cast<Index>(gold.size());
        report.gold_found += reached;
    }
    return report;
}

}  // namespace kvmem
