// What an answerer and the shards of its memory send each other (kvmem/tasks/qa/memory_shards.hpp). Not installed.
//
// A request is a MemoryStep and its arguments. Slots have the numbers of their shard; tokens are the model's.
#pragma once

#include "kvmem/kernels/facts.hpp"
#include "tasks/qa/shard_of.hpp"
#include "tasks/qa/slot_sources.hpp"

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <vector>

namespace kvmem {

enum class MemoryStep : std::uint8_t {
    about,     // -> AboutMemory
    sizes,     // tokens -> how many slots are hashed by each
    slots,     // tokens -> the slots that are hashed by any of them
    contents,  // ShardSlot -> those slots of the shard, in the order that they are asked for
    facts,     // entities, their weights, the weights of relations, the threshold -> facts above it
    quotes,    // ShardSlot -> the quotes of those slots of the shard, in the order that they are asked for
    stated     // StatedFact -> the number of each that a slot of the shard states, with the first one's quote
};

// What a shard says about itself.
struct AboutMemory {
    ShardOf shard;
    Index slots = 0, tokens = 0, relations = 0;  // tokens and relations are those of the model
    bool has_quotes = false;                     // whether slots were read from documents
};

// A slot of a shard.
struct ShardSlot {
    Index shard = 0, slot = 0;
};

template <class Stream>
void transfer(Stream& s, OneOf<AboutMemory> auto& value) {
    s(value.shard, value.slots, value.tokens, value.relations, value.has_quotes);
}
template <class Stream>
void transfer(Stream& s, OneOf<ShardSlot> auto& value) {
    s(value.shard, value.slot);
}
template <class Stream>
void transfer(Stream& s, OneOf<Fact> auto& value) {
    s(value.subject, value.relation, value.object);
}
template <class Stream>
void transfer(Stream& s, OneOf<StatedFact> auto& value) {
    s(value.subject, value.relation, value.object);
}
template <class Stream>
void transfer(Stream& s, OneOf<Quote> auto& value) {
    s(value.sentence, value.where);
}
template <class Stream>
void transfer(Stream& s, OneOf<Ragged<Token>> auto& value) {
    s(value.values, value.offsets);
    if constexpr (std::same_as<Stream, ByteReader>)
        if (value.offsets.empty() || !value.view().valid()) s.fail("rows", "offsets that are none");
}
template <class Stream>
void transfer(Stream& s, OneOf<Slots> auto& value) {
    s(value.key, value.value);
    if constexpr (std::same_as<Stream, ByteReader>)
        if (value.key.size() != value.value.size()) s.fail("a value for each key", "another number");
}

// Throws Error unless the tokens are those of a vocabulary of this size.
inline void require_tokens(const ByteReader& in, std::span<const Token> tokens, Index size) {
    const auto is_known = [&](Token token) { return token >= 0 && token < size; };
    if (!std::ranges::all_of(tokens, is_known)) in.fail("tokens below " + std::to_string(size), "another token");
}

}  // namespace kvmem
