#include "io/inflate.hpp"

#include "io/text_source.hpp"

#include <zlib.h>

#include <algorithm>

namespace kvmem {

namespace {

// zlib's stream, which is closed with the object.
class Stream {
  public:
    Stream(std::string_view bytes, Deflated frame) {
        constexpr int largest_window = 15, with_gzip = 16;
        is_open_ = inflateInit2(&z_, frame == Deflated::gzip ? largest_window + with_gzip : -largest_window) == Z_OK;
        z_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        left_ = bytes.size();
    }
    ~Stream() {
        if (is_open_) inflateEnd(&z_);
    }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // Appends a piece to `out`. Returns false at the end. `ok` tells whether the bytes were right.
    bool next(std::string& out, bool& ok) {
        const std::size_t given = std::min(left_, piece_.size());
        z_.next_out = reinterpret_cast<Bytef*>(piece_.data());
        z_.avail_out = static_cast<uInt>(piece_.size());
        z_.avail_in = static_cast<uInt>(given);
        const int result = is_open_ ? ::inflate(&z_, Z_NO_FLUSH) : Z_MEM_ERROR;
        left_ -= given - z_.avail_in;
        out.append(piece_, 0, piece_.size() - z_.avail_out);
        ok = result == Z_OK || result == Z_STREAM_END;
        ended_ = result == Z_STREAM_END;
        return ok && !ended_;
    }
    // Begins the next member behind the one that ended, if bytes are left.
    bool next_member() { return ended_ && left_ > 0 && inflateReset(&z_) == Z_OK; }

  private:
    z_stream z_{};
    std::string piece_ = std::string(std::size_t{1} << 20, '\0');
    std::size_t left_ = 0;
    bool is_open_ = false, ended_ = false;
};

}  // namespace

std::string inflate(std::string_view bytes, Deflated frame, std::size_t max, const std::string& name) {
    std::string out;
    Stream stream(bytes, frame);
    do {
        for (bool more = true, ok = true; more;) {
            more = stream.next(out, ok);
            if (!ok) throw error_in(name, "compressed bytes do not inflate", "a whole file", "a damaged or cut one");
            if (out.size() > max)
                throw error_in(name, "the file is too large", "at most " + std::to_string(max) + " bytes", "more");
        }
    } while (frame == Deflated::gzip && stream.next_member());
    return out;
}

}  // namespace kvmem
