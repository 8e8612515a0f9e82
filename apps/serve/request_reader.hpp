// Bytes of a connection to requests, as strictly as RFC 9112 lets a server be.
//
// Whatever a server in front could read as two requests, or as none, is refused and ends the connection. Boost.Beast
// 1.81 takes such requests in, and its reader of chunks fails an assertion on hostile ones; so nothing here is Beast's.
#pragma once

#include "http.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace kvmem::apps {

struct RequestLimits {
    std::size_t header_bytes = 8 << 10, body_bytes = 8 << 20;  // 431 and 413 above them
    std::size_t target_bytes = 4 << 10;                        // 414
    std::size_t fields = 64;                                   // 431
};

// What a header says about the body.
struct HeaderFraming {
    bool chunked = false, waits_for_continue = false;
    std::size_t length = 0;
};

class RequestReader {
  public:
    enum class State { header, body, done, refused };

    explicit RequestReader(const RequestLimits& limits = {}) : limits_(limits) {}

    // Takes bytes from the front of the buffer, as far as they belong to this request. After `done` and `refused` it
    // takes none.
    State read(std::string& buffer);
    // Whether the header is there and the client waits for "100 Continue" before it sends the body.
    bool waits_for_continue() const { return waits_; }

    Request& request() { return request_; }               // after `done`; after `refused` as far as it was read
    const Refusal& refusal() const { return *refusal_; }  // after `refused`

  private:
    State refuse(int status, Problem problem);
    State read_header(std::string& buffer);
    State read_body(std::string& buffer);
    State read_chunks(std::string_view all, std::size_t& used);
    State bad_chunk(const char* expected);
    std::size_t take(std::string_view bytes);

    RequestLimits limits_;
    State state_ = State::header;
    bool waits_ = false;
    std::size_t scanned_ = 0;  // bytes of the header that were looked at
    Request request_;
    std::optional<Refusal> refusal_;
    HeaderFraming framing_;  // its length is what is still to come of the body, or of a chunk
    // Of a body in chunks: whether the end of the line behind a chunk is to come, and whether the last one was there.
    bool within_chunk_ = false, is_last_ = false;
};

}  // namespace kvmem::apps
