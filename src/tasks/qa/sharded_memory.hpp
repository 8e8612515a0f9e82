// A memory in shards, as an answerer reads it (kvmem/tasks/qa/memory_shards.hpp). Not installed.
#pragma once

#include "kvmem/cluster/shards.hpp"
#include "kvmem/kernels/paths.hpp"
#include "kvmem/tasks/qa/batch.hpp"
#include "kvmem/tasks/qa/model.hpp"
#include "tasks/qa/memory_messages.hpp"
#include "tasks/qa/slot_sources.hpp"

#include <optional>
#include <span>
#include <vector>

namespace kvmem {

// Several threads may call it if they may call the shards. Functions throw Error for replies that do not fit.
class ShardedMemory final : public FactSource {
  public:
    // The model must have been extended by a shard, and outlive this. Throws Error for shards that do not belong
    // together, or that have another model.
    ShardedMemory(ShardCall call, const Model& model);

    // The slots of all shards.
    [[nodiscard]] Index size() const { return first_.back(); }
    // Adds a question with the slots that Retriever finds in all shards, or that follows their facts.
    void add_example(Batch& batch, std::span<const Token> question) const;

    // What slots were read from, and what states facts (SlotSources).
    [[nodiscard]] std::vector<Quote> quotes(std::span<const Index> slots) const;
    [[nodiscard]] std::vector<std::optional<Quote>> quotes(std::span<const StatedFact> facts) const;

    [[nodiscard]] Index entities() const override { return model_.vocabulary().size(); }
    [[nodiscard]] Index relations() const override { return relations_; }
    [[nodiscard]] Facts fetch(std::span<const Reached> from, std::span<const Real> relations,
                              Real threshold) const override;

    // The buckets of all shards (retrieval.hpp), with slots as they are numbered through all shards.
    [[nodiscard]] std::vector<Index> sizes(std::span<const Token> tokens) const;
    void append(std::span<const Token> tokens, std::vector<Index>& slots) const;
    void append_values(std::span<const Index> slots, std::vector<Token>& tokens) const;

  private:
    // Which shard has each slot.
    [[nodiscard]] std::vector<ShardSlot> placed(std::span<const Index> slots) const;
    // Slots must rise.
    [[nodiscard]] Slots contents(std::span<const Index> slots) const;

    ShardCall call_;
    const Model& model_;
    Index relations_;
    bool has_quotes_ = false;      // of any shard
    std::vector<Index> first_{0};  // the number of each shard's first slot, and that of all
};

}  // namespace kvmem
