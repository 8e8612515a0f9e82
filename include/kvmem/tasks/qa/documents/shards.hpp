// Questions to documents in shards (tasks/qa/shards.hpp), which may lie on several machines.
//
// A shard answers requests about its own documents. A search sends them to all shards, and adds up what they count: how
// many passages have a stem, how many there are, and how long they are. So answers have the bits of a search of all
// documents in one process. A question takes five requests of each shard, and two more for misspelt words.
#pragma once

#include "kvmem/cluster/shards.hpp"
#include "kvmem/tasks/qa/dataset.hpp"
#include "kvmem/tasks/qa/documents/search.hpp"

namespace kvmem::documents {

// What answers for one shard's documents. Several threads may call it.
class DocumentShard {
  public:
    // Throws Error for a data set without documents, or that is no shard.
    explicit DocumentShard(const QaDataset& dataset);
    ~DocumentShard();
    DocumentShard(DocumentShard&&) noexcept;
    DocumentShard& operator=(DocumentShard&&) noexcept;

    // Which one it is.
    [[nodiscard]] const ShardOf& shard() const;
    // Throws Error for a request that ShardedSearch does not send.
    [[nodiscard]] std::string answer(std::string_view request) const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Asks as Search does, without SearchOptions::where.
class ShardedSearch {
  public:
    // The call must outlive the search. Shards are called by as many threads as ask.
    explicit ShardedSearch(ShardCall call) : call_(std::move(call)) {}

    // A shard that does not reply is left out: it then neither counts nor answers. When one falls silent within a
    // question, the question is asked again, of the others. Throws as require_answerable() does before shards are
    // called, and Error when none replies, when a reply cannot be read, and when shards do not belong together or are
    // not as many as their set has.
    [[nodiscard]] Findings ask(std::string_view question, const SearchOptions& options = {}) const;

  private:
    ShardCall call_;
};

// Throws the Error of ShardedSearch::ask() when no shard replies, or those that do reply do not belong together.
void require_shards(const ShardCall& call);

}  // namespace kvmem::documents
