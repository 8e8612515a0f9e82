// The servers of shards that belong together, and connections for calls that several threads make at once.
#pragma once

#include "shard_answers.hpp"
#include "shard_lines.hpp"

#include "kvmem/cluster/shards.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem::apps {

struct FrontOptions {
    std::vector<std::string> stores{};        // "NAME=URL,URL|URL": of each shard its replicas
    std::string documents{}, memory{};        // "URL,URL|URL", or ""
    std::chrono::milliseconds timeout{2000};  // of a reply
    bool whole = false;                       // a shard that does not answer is an error
    std::string token{};                      // of the servers, or ""
};

// A 503 that names the shards without a reply, and what was wrong with each.
class ShardsMissing : public HttpError {
  public:
    ShardsMissing(const char* expected, std::vector<std::string> missing);
    const std::vector<std::string>& missing() const { return missing_; }

  private:
    std::vector<std::string> missing_;
};

// Any number of threads may call const functions; each call waits for the shards.
class ShardPool {
  public:
    // Throws Error for an address in "URL,URL|URL" that cannot be used.
    ShardPool(const std::string& urls, ServedKind kind, const FrontOptions& options);

    // The replies of all shards, or why one has none, in their order. Throws HttpError for a request that a shard
    // refuses.
    std::vector<ShardAnswer> call(const ShardRequest& request,
                                  std::chrono::milliseconds max_timeout = std::chrono::hours(1)) const;
    // Sends what a ShardReader answers (kvmem/cluster/shards.hpp) to all shards but those `without` names.
    std::vector<ShardAnswer> send(std::string_view message, std::chrono::milliseconds max_timeout,
                                  std::vector<bool> without = {}) const;
    // Throws ShardsMissing when all are missing, or, if they must be whole, any.
    void require_enough(const std::vector<std::string>& missing) const;

    // A line of the header for the servers, or "".
    std::string authorization() const;
    const std::vector<std::unique_ptr<Shard>>& shards() const { return shards_; }

    // A call that throws ShardsMissing unless all reply. The pool must outlive it.
    ShardCall call_to_all(std::chrono::milliseconds max_timeout = std::chrono::hours(1)) const;

  private:
    FrontOptions options_;
    std::vector<std::unique_ptr<Shard>> shards_;
    mutable std::mutex mutex_;
    mutable std::vector<std::unique_ptr<ShardLines>> idle_;
};

}  // namespace kvmem::apps
