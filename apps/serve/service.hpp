// Endpoints: one table routes requests, checks their bodies and is written out as /openapi.json.
#pragma once

#include "http.hpp"
#include "members.hpp"
#include "served.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kvmem::apps {

// A request at its endpoint.
struct Call {
    const Request& request;
    std::shared_ptr<const Served> served;
    boost::json::object body{};  // checked; empty for endpoints whose body is no JSON object
    std::string store{};         // the part {store} of the path
};

struct Endpoint {
    const char* name;  // in metrics, and the operationId
    const char* method;
    const char* path;  // {store} is any name
    const char* summary;
    const char* gives;  // the media type of the reply
    Reply (*run)(const Call& call);
    std::span<const Member> members{};     // of the body
    std::string_view reply_schema{};       // JSON Schema
    const char* also_takes = "";           // a media type that the body may have instead of JSON
    std::span<const Member> parameters{};  // of the query; a parameter overrides the member of the same name
    bool computes = false;                 // on a worker
    bool is_public = false;                // without a token
    bool changes = false;                  // needs --writable
    // For calls that wait together, the replies of run() to each, for less; or null. Where one throws, all are run
    // alone.
    std::vector<Reply> (*run_all)(std::span<const Call> calls) = nullptr;
};

// The table.
std::span<const Endpoint> endpoints();
const Endpoint& endpoint_named(std::string_view name);
// OpenAPI 3.1 of the table.
std::string openapi();

class Service {
  public:
    // Opens what is to be served. Throws Error.
    explicit Service(ServedPaths paths);

    // Sets the endpoint of a request, or says why there is none: 404, or 405 with the methods that the path has.
    static std::optional<Refusal> find(const Request& request, const Endpoint*& endpoint);
    // Runs an endpoint. Never throws: an error becomes a reply. Several threads may call it at once.
    Reply run(const Endpoint& endpoint, const Request& request) const noexcept;
    // The same for several requests of an endpoint that has run_all.
    std::vector<Reply> run_all(const Endpoint& endpoint, std::span<const Request* const> requests) const;

    // Opens all anew and serves it from then on. Throws Error, and serves what was open.
    void reload();
    std::shared_ptr<const Served> served() const;

  private:
    ServedPaths paths_;
    mutable std::mutex mutex_;
    std::shared_ptr<const Served> served_;
};

}  // namespace kvmem::apps
