// Which shard a file or a process has, and the replies of shards. Not installed.
#pragma once

#include "io/byte_stream.hpp"
#include "kvmem/tasks/qa/dataset.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kvmem {

template <class Stream>
void transfer(Stream& s, OneOf<ShardOf> auto& value) {
    s(value.set, value.number, value.count, value.continues);
}

// "shard 1 of 4 of SET", or "no shard".
std::string text_of(const std::optional<ShardOf>& shard);
// Whether this is the wanted shard of its set, wherever its documents begin.
bool is_shard(const std::optional<ShardOf>& shard, const ShardOf& wanted);

// The bytes of a step and its arguments.
template <class... T>
std::string request_of(const T&... parts) {
    ByteWriter request;
    request(parts...);
    return std::move(request.bytes);
}

// Calls use(reader) for the reply of a shard, which it must read to its end.
template <class Use>
void read_reply(const std::vector<std::string>& replies, std::size_t shard, Use use) {
    ByteReader in(replies[shard], "the reply of shard " + std::to_string(shard));
    use(in);
    in.require_end();
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
