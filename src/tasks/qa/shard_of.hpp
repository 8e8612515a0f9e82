// Which shard a process has, in messages. Not installed.
#pragma once

#include "io/byte_stream.hpp"
#include "kvmem/tasks/qa/dataset.hpp"

#include <string>

namespace kvmem {

template <class Stream>
void transfer(Stream& s, OneOf<ShardOf> auto& value) {
    s(value.set, value.number, value.count, value.continues);
}

// Which shards have replied, and whether they belong together.
class ShardSet {
  public:
    // Adds the shard that replied as number `at` of `calls`. Throws Error unless it belongs to those before.
    void add(const ShardOf& shard, Index at, Index calls);
    // Throws Error when none has replied.
    void require_some(Index calls) const;

  private:
    std::string set_;
    Index count_ = 0;  // 0: none has replied
};

}  // namespace kvmem
