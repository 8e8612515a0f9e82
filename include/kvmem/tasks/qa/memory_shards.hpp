// The memory of a model in shards (tasks/qa/shards.hpp), which may lie on several machines.
//
// A question takes what it reads from all shards: the slots that key hashing finds, or hop by hop the facts that its
// paths go on by. So answers have the bits of those from one file. Every process has the model and all names; slots and
// facts are dealt.
#pragma once

#include "kvmem/cluster/shards.hpp"
#include "kvmem/tasks/qa/model.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace kvmem {

// What answers for the slots of one shard. Several threads may call it.
class MemoryShard {
  public:
    // The model must outlive the shard and have been extended by it (Model::extend), which gave `to`. Slots
    // are copied. Throws Error for a data set that is no shard.
    MemoryShard(const Model& model, const QaDataset& shard, std::span<const Token> to);
    ~MemoryShard();
    MemoryShard(MemoryShard&&) noexcept;
    MemoryShard& operator=(MemoryShard&&) noexcept;

    // Throws Error for a request that an Answerer of shards does not send.
    [[nodiscard]] std::string answer(std::string_view request) const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Throws Error unless all shards reply and are those of one memory, for this model: as an Answerer requires them.
void require_shards(const ShardCall& call, const Model& model);

}  // namespace kvmem
