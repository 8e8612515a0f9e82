// Bytes of a connection to the replies of a server of kvmem, as strictly as requests are read.
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace kvmem::apps {

struct HttpReply {
    int status = 0;
    std::map<std::string, std::string> fields{};  // by names in lower case
    std::string body{};
    bool keep_alive = true;

    // The value of a field, or "".
    std::string field(const std::string& name) const;
};

class ReplyReader {
  public:
    // Takes bytes from the front of the buffer and returns whether the reply is whole. Throws Error for a reply whose
    // end is not told by one Content-Length, and for one that is too large.
    bool read(std::string& buffer);
    HttpReply& reply() { return reply_; }

  private:
    bool read_header(std::string& buffer);

    HttpReply reply_;
    bool has_header_ = false;
    std::size_t scanned_ = 0, length_ = 0;
};

}  // namespace kvmem::apps
