// What a shard's server replies, read without trust. All throw Error for what cannot be a shard's reply to the call.
//
// Replies of shards that belong together have the same shape().
#pragma once

#include "reply_reader.hpp"
#include "service.hpp"

#include "kvmem/store/memory_store.hpp"

#include <boost/json.hpp>

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kvmem::apps {

struct FoundSlot {
    float score;
    store::Id id;
    boost::json::object slot;
};

// What a shard found: k slots a query at most, each with its value if there are reads.
struct ListedPart {
    ListedPart(const Call& call, const HttpReply& reply, Index k, bool has_reads);
    std::pair<Index, Index> shape() const { return {std::ssize(rows), read_width}; }

    std::vector<std::vector<FoundSlot>> rows;  // of each query
    Index read_width = 0;                      // 0: no reads
};

// The same as bytes: ids [rows, k], then scores [rows, k], k being at most `max_k`. It views the reply.
class PackedPart {
  public:
    PackedPart(const Call& call, const HttpReply& reply, Index max_k);
    Index shape() const { return rows; }
    store::Hit at(Index place) const;

    Index rows = 0, k = 0;

  private:
    const std::string* body_;
};

// The slots that a shard has of these ids, and null for others.
struct GotPart {
    GotPart(const HttpReply& reply, std::span<const store::Id> ids);
    Index shape() const { return std::ssize(slots); }

    boost::json::array slots;
};

}  // namespace kvmem::apps
