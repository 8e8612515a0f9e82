// The front of documents in shards: other servers have them, and a question is asked to all.
#pragma once

#include "shard_pool.hpp"

#include "kvmem/tasks/qa/documents/shards.hpp"

#include <string>
#include <vector>

namespace kvmem::apps {

struct Call;
struct Reply;

// Answers are those of one file with the documents of all shards, to the bit. Shards that do not answer in time neither
// count nor answer, and are named as Front names them. Any number of threads may call const functions.
class DocumentsFront {
  public:
    // Throws Error for an address that cannot be used.
    explicit DocumentsFront(const FrontOptions& options) : pool_(options.documents, ServedKind::documents, options) {}

    // The endpoint of documents. Throws Error for what a shard refuses, when no shard answers, and when shards do not
    // belong together.
    Reply search(const Call& call) const;

    // The shards that do not answer now, and why. Each has a second at most for its reply.
    std::vector<std::string> missing_shards() const;

    const std::vector<std::unique_ptr<Shard>>& shards() const { return pool_.shards(); }

  private:
    documents::Findings ask(const Call& call, std::vector<std::string>& missing) const;

    ShardPool pool_;
};

}  // namespace kvmem::apps
