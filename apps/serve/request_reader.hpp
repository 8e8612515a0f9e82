// Bytes of a connection to requests, as strictly as RFC 9112 lets a server be.
//
// Boost.Beast reads, and this checks what Beast takes in: whatever another server in front could read as two requests,
// or as none, is refused and ends the connection.
#pragma once

#include "http.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace kvmem::apps {

struct RequestLimits {
    std::size_t header_bytes = 8 << 10, body_bytes = 8 << 20;  // 431 and 413 above them
    std::size_t target_bytes = 4 << 10;                        // 414
    std::size_t fields = 64;                                   // 431
};

class RequestReader {
  public:
    enum class State { header, body, done, refused };

    explicit RequestReader(const RequestLimits& limits = {});
    ~RequestReader();
    RequestReader(RequestReader&&) noexcept;
    RequestReader& operator=(RequestReader&&) noexcept;

    // Takes bytes from the front of the buffer, as far as they belong to this request. After `done` and `refused` it
    // takes none.
    State read(std::string& buffer);
    // Whether the header is there and the client waits for "100 Continue" before it sends the body.
    bool waits_for_continue() const { return waits_; }

    Request& request() { return request_; }               // after `done`; after `refused` as far as it was read
    const Refusal& refusal() const { return *refusal_; }  // after `refused`

  private:
    struct Body;
    State refuse(int status, Problem problem);
    State read_header(std::string& buffer);
    State read_body(std::string& buffer);

    RequestLimits limits_;
    State state_ = State::header;
    bool waits_ = false;
    std::size_t scanned_ = 0;  // bytes of the header that were looked at
    Request request_;
    std::optional<Refusal> refusal_;
    std::unique_ptr<Body> body_;
};

}  // namespace kvmem::apps
