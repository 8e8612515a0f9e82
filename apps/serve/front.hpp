// The front of a store in shards: other servers have them, and what they find is merged as one store would find it.
#pragma once

#include "shard_pool.hpp"

#include "kvmem/core/types.hpp"

#include <boost/json/object.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace kvmem::apps {

struct Call;
struct FoundRow;
struct Reply;
struct ShardAnswers;

// The name in "NAME=URL,...". Throws UsageError without one.
std::string front_name_of(const std::string& text);

// Any number of threads may call const functions; each call waits for the shards.
//
// Results are those of one store with the slots of all shards, to the bit; with probes they may also hold slots that
// one store would not probe. The shards must be all of one store in shards, in any order; or stores of which no two
// have a slot. Shards that do not answer in time are left out. So are those whose count of changes differs from the
// majority's. A reply names them: "partial" and "missing" in JSON, and the field X-Kvmem-Missing.
class Front {
  public:
    // Throws Error for an address that cannot be used.
    Front(const std::string& text, const FrontOptions& options);

    // The endpoints of stores. They throw Error for what a shard refuses, and when no shard answers.
    Reply search(const Call& call) const;
    Reply read(const Call& call) const;
    Reply get(const Call& call) const;

    // The shards that a result would lack now, and why. Each has a second at most for its reply.
    std::vector<std::string> missing_shards() const;

    const std::vector<std::unique_ptr<Shard>>& shards() const { return pool_.shards(); }

  private:
    // What a list of slots is made with.
    struct Listing {
        Index k;
        float temperature = 1;
        bool keeps_values = false;
        bool has_reads = false;
    };
    ShardAnswers ask(const ShardRequest& request, std::chrono::milliseconds max_timeout = std::chrono::hours(1)) const;
    Reply search_packed(const Call& call, ShardRequest request) const;
    Reply listed(const Call& call, ShardAnswers answers, const Listing& how) const;
    static boost::json::object line_of(Index query, FoundRow row, const Listing& how);
    ShardRequest request_of(const Call& call, const char* operation, const std::string& body) const;

    ShardPool pool_;
};

}  // namespace kvmem::apps
