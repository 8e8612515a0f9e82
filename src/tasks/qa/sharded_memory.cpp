#include "tasks/qa/sharded_memory.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/memory_shards.hpp"
#include "tasks/qa/memory_messages.hpp"
#include "tasks/qa/retrieval.hpp"

#include <algorithm>
#include <utility>

namespace kvmem {

// Sends a request and calls use(shard, reader) for each reply. All shards must reply.
template <class Use, class... T>
static void call_shards(const ShardCall& call, Use use, MemoryStep step, const T&... arguments) {
    const std::vector<std::string> replies = call(request_of(step, arguments...));
    for (std::size_t i = 0; i < replies.size(); ++i)
        read_reply(replies, i, [&](ByteReader& in) { use(static_cast<Index>(i), std::ssize(replies), in); });
}

template <class T>
static std::vector<T> list(std::span<const T> values) {
    return {values.begin(), values.end()};
}

ShardedMemory::ShardedMemory(ShardCall call, const Model& model)
    : call_(std::move(call)), model_(model), relations_(std::ssize(relations_of(model.vocabulary()))) {
    ShardSet set;
    call_shards(
        call_,
        [&](Index shard, Index shards, ByteReader& in) {
            AboutMemory about;
            in(about);
            set.add(about.shard, shard, shards);
            if (about.tokens != entities() || about.relations != relations_)
                in.fail("a model of " + std::to_string(entities()) + " tokens and " + std::to_string(relations_) +
                            " relations",
                        std::to_string(about.tokens) + " and " + std::to_string(about.relations));
            in.require_count(about.slots);
            has_quotes_ |= about.has_quotes;
            first_.push_back(first_.back() + about.slots);
        },
        MemoryStep::about);
    set.require_some(std::ssize(first_) - 1);
}

void require_shards(const ShardCall& call, const Model& model) { const ShardedMemory checked(call, model); }

std::vector<Index> ShardedMemory::sizes(std::span<const Token> tokens) const {
    std::vector<Index> all(tokens.size()), own;
    call_shards(
        call_,
        [&](Index, Index, ByteReader& in) {
            in(own);
            if (own.size() != all.size()) in.fail(std::to_string(all.size()) + " sizes", std::to_string(own.size()));
            for (std::size_t i = 0; i < all.size(); ++i) {
                in.require_count(own[i]);
                all[i] += own[i];
            }
        },
        MemoryStep::sizes, list(tokens));
    return all;
}

void ShardedMemory::append(std::span<const Token> tokens, std::vector<Index>& slots) const {
    if (tokens.empty()) return;
    std::vector<Index> own;
    call_shards(
        call_,
        [&](Index shard, Index, ByteReader& in) {
            in(own);
            for (const Index slot : own) {
                if (slot < 0 || slot >= first_[shard + 1] - first_[shard])
                    in.fail("slots of the shard", std::to_string(slot));
                slots.push_back(first_[shard] + slot);
            }
        },
        MemoryStep::slots, list(tokens));
}

std::vector<ShardSlot> ShardedMemory::placed(std::span<const Index> slots) const {
    std::vector<ShardSlot> all;
    all.reserve(slots.size());
    for (const Index slot : slots) {
        const Index shard = std::ranges::upper_bound(first_, slot) - first_.begin() - 1;
        all.push_back({shard, slot - first_[shard]});
    }
    return all;
}

Slots ShardedMemory::contents(std::span<const Index> slots) const {
    const std::vector<ShardSlot> wanted = placed(slots);
    Slots all, own;
    call_shards(
        call_,
        [&](Index shard, Index, ByteReader& in) {
            in(own);
            const auto expected = std::ranges::count(wanted, shard, &ShardSlot::shard);
            if (own.size() != expected) in.fail(std::to_string(expected) + " slots", std::to_string(own.size()));
            for (const Ragged<Token>* rows : {&own.key, &own.value}) require_tokens(in, rows->values, entities());
            for (Index i = 0; i < own.size(); ++i) all.push(own.key[i], own.value[i]);
        },
        MemoryStep::contents, wanted);
    return all;
}

std::vector<Quote> ShardedMemory::quotes(std::span<const Index> slots) const {
    std::vector<Quote> all(slots.size()), own;
    if (!has_quotes_ || slots.empty()) return all;
    const std::vector<ShardSlot> wanted = placed(slots);
    call_shards(
        call_,
        [&](Index shard, Index, ByteReader& in) {
            in(own);
            const auto expected = std::ranges::count(wanted, shard, &ShardSlot::shard);
            if (std::ssize(own) != expected) in.fail(std::to_string(expected) + " quotes", std::to_string(own.size()));
            auto next = own.begin();
            for (std::size_t i = 0; i < wanted.size(); ++i)
                if (wanted[i].shard == shard) all[i] = std::move(*next++);
        },
        MemoryStep::quotes, wanted);
    return all;
}

std::vector<std::optional<Quote>> ShardedMemory::quotes(std::span<const StatedFact> facts) const {
    std::vector<std::optional<Quote>> all(facts.size());
    if (!has_quotes_ || facts.empty()) return all;
    std::vector<std::pair<Index, Quote>> own;
    call_shards(
        call_,
        [&](Index, Index, ByteReader& in) {
            in(own);
            for (auto& [fact, quote] : own) {
                if (fact < 0 || fact >= std::ssize(all))
                    in.fail("a fact below " + std::to_string(all.size()), std::to_string(fact));
                std::optional<Quote>& first = all[static_cast<std::size_t>(fact)];
                if (!first) first = std::move(quote);
            }
        },
        MemoryStep::stated, list(facts));
    return all;
}

void ShardedMemory::append_values(std::span<const Index> slots, std::vector<Token>& tokens) const {
    if (slots.empty()) return;
    const std::vector<Token> values = contents(slots).value.values;
    tokens.insert(tokens.end(), values.begin(), values.end());
}

void ShardedMemory::add_example(Batch& batch, std::span<const Token> question) const {
    const RetrieverOptions options = model_.retrieval();
    std::vector<Index> slots;
    if (options.strategy == Retrieval::whole)
        batch.fact_source = this;
    else
        for (const std::vector<Index>& hop : retrieve_by_hop(*this, question, options))
            slots.insert(slots.end(), hop.begin(), hop.end());
    std::ranges::sort(slots);
    kvmem::add_example(batch, question, slots.empty() ? Slots() : contents(slots), slots);
}

Facts ShardedMemory::fetch(std::span<const Reached> from, std::span<const Real> relations, Real threshold) const {
    std::vector<Token> entities;
    std::vector<Real> weights;
    entities.reserve(from.size());
    weights.reserve(from.size());
    for (const Reached& one : from) {
        entities.push_back(one.entity);
        weights.push_back(one.weight);
    }
    std::vector<Fact> all, own;
    call_shards(
        call_,
        [&](Index, Index, ByteReader& in) {
            in(own);
            all.insert(all.end(), own.begin(), own.end());
        },
        MemoryStep::facts, entities, weights, list(relations), threshold);
    return Facts(std::move(all), this->entities(), relations_);
}

}  // namespace kvmem
