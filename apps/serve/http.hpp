// Requests and replies of HTTP/1.1 as the endpoints see them.
#pragma once

#include "kvmem/core/error.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvmem::apps {

// A request whose framing was checked.
struct Request {
    std::string method;
    std::string path;                             // decoded, without the query
    std::map<std::string, std::string> query{};   // decoded
    std::map<std::string, std::string> fields{};  // by names in lower case; repeated ones are joined by ", "
    std::string body{};
    bool keep_alive = true, takes_chunks = true;  // HTTP/1.0 has neither
    std::string id{};                             // X-Request-Id
    const char* endpoint = "none";                // its name in metrics, once it is found

    // The value of a field, or "".
    const std::string& field(const std::string& name) const;
    bool accepts(std::string_view type) const;  // whether Accept names this media type
    bool is_head() const { return method == "HEAD"; }
};

// The media type of bodies of numbers and of messages to shards.
inline constexpr const char* bytes_type = "application/octet-stream";

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Reply {
    int status = 200;
    std::string type = "application/json";
    std::string body{};
    Fields fields{};
    // Of a body in parts: sets `part` to the next one and returns true, or returns false behind the last. It is called
    // by workers, one call at a time.
    std::function<bool(std::string& part)> next{};
};

// A reply other than success, as application/problem+json (RFC 9457).
struct Refusal {
    int status;
    Problem problem;
    Fields fields{};
};
Reply reply_of(const Refusal& refusal);

// An Error whose status is not 400.
class HttpError : public Error {
  public:
    explicit HttpError(Refusal refusal) : Error(refusal.problem), refusal_(std::move(refusal)) {}
    const Refusal& refusal() const { return refusal_; }

  private:
    Refusal refusal_;
};

const char* reason(int status);

// The head of a reply: all lines with the empty one. With `next`, the body is to follow in chunks.
std::string head_of(const Reply& reply, const Request& request, bool keep_alive);

// Percent-decodes a part of a target. Returns false for a "%" without two digits and for a byte 0.
bool decode_percent(std::string_view text, std::string& decoded);

// Compresses the body when the client takes gzip and the body has more than 1 KiB.
void compress(Reply& reply, const Request& request);

// Whether two texts are equal, in a time that depends on their lengths alone.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace kvmem::apps
