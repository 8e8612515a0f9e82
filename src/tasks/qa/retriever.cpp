#include "kvmem/tasks/qa/retriever.hpp"

#include "tasks/qa/retrieval.hpp"

#include <algorithm>
#include <cstdint>

namespace kvmem {

std::vector<Token> relations_of(const Vocabulary& vocabulary) {
    std::vector<Token> relations;
    for (Token t = 0; t < vocabulary.size(); ++t)
        if (vocabulary.kind(t) == TokenKind::relation) relations.push_back(t);
    return relations;
}

Facts facts_of(const Slots& memory, const Vocabulary& vocabulary) {
    // The number of each relation, or the kind of another token. One small array, since look-ups come in no order.
    constexpr Token other = -1, entity = -2;
    std::vector<Token> number(vocabulary.size(), other);
    Token relations = 0;
    for (Token t = 0; t < vocabulary.size(); ++t) {
        if (vocabulary.kind(t) == TokenKind::relation) number[t] = relations++;
        if (vocabulary.kind(t) == TokenKind::entity) number[t] = entity;
    }
    const auto is_entity = [&](Token t) { return number[t] == entity; };
    std::vector<Fact> facts;
    facts.reserve(memory.size());
    for (Index slot = 0; slot < memory.size(); ++slot) {
        const auto key = memory.key[slot], value = memory.value[slot];
        if (key.size() != 2 || value.size() != 1 || !is_entity(key[0]) || !is_entity(value[0])) continue;
        if (const Token relation = number[key[1]]; relation >= 0) facts.push_back({key[0], relation, value[0]});
    }
    return Facts(std::move(facts), vocabulary.size(), relations);
}

bool holds_facts(const QaDataset& dataset) { return facts_of(dataset.memory, dataset.vocabulary).size() > 0; }

// The token that each token of a key is hashed by, or -1: those of the second dictionary by the first one's.
static std::vector<Token> hashed_tokens(const Vocabulary& vocabulary, bool entities_only) {
    std::vector<Token> hashed(vocabulary.size(), -1);
    for (Token token = 0; token < vocabulary.size(); ++token) {
        const TokenKind kind = vocabulary.kind(token), first = first_kind(kind);
        if (first != TokenKind::entity && (entities_only || first != TokenKind::word)) continue;
        hashed[token] = first == kind ? token : vocabulary.find(first, vocabulary.text(token)).value_or(-1);
    }
    return hashed;
}

Retriever::Retriever(const Slots& memory, const Vocabulary& vocabulary, const RetrieverOptions& options)
    : options_(options), memory_(&memory), offsets_(static_cast<std::size_t>(vocabulary.size()) + 1, 0) {
    if (options.strategy == Retrieval::whole) {
        facts_ = facts_of(memory, vocabulary);
        return;
    }
    const std::vector<Token> hashed = hashed_tokens(vocabulary, options.entities_only);
    // Calls use(token, slot) for every hashed token of every key, once for each slot.
    const auto each = [&](auto use) {
        std::vector<Token> seen;
        for (Index slot = 0; slot < memory.size(); ++slot) {
            seen.clear();
            for (const Token in_key : memory.key[slot]) {
                const Token token = hashed[in_key];
                if (token < 0 || std::ranges::find(seen, token) != seen.end()) continue;
                seen.push_back(token);
                use(token, slot);
            }
        }
    };
    each([&](Token token, Index) { ++offsets_[token + 1]; });
    for (std::size_t i = 1; i < offsets_.size(); ++i) offsets_[i] += offsets_[i - 1];
    slots_.resize(offsets_.back());
    std::vector<Index> next(offsets_.begin(), offsets_.end() - 1);
    each([&](Token token, Index slot) { slots_[next[token]++] = slot; });
}

std::span<const Index> Retriever::bucket(Token token) const {
    const auto i = static_cast<std::size_t>(token);
    if (token < 0 || i + 1 >= offsets_.size()) return {};
    return std::span(slots_).subspan(offsets_[i], offsets_[i + 1] - offsets_[i]);
}

std::vector<std::vector<Index>> Retriever::retrieve_by_hop(std::span<const Token> question) const {
    return kvmem::retrieve_by_hop(OwnBuckets{*this, memory_}, question, options_);
}

std::vector<Index> Retriever::retrieve(std::span<const Token> question) const {
    if (options_.strategy == Retrieval::whole) return {};
    std::vector<Index> all;
    for (const std::vector<Index>& hop : retrieve_by_hop(question)) all.insert(all.end(), hop.begin(), hop.end());
    std::ranges::sort(all);
    return all;
}

}  // namespace kvmem
