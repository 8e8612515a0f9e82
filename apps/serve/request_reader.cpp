#include "request_reader.hpp"

#include "request_header.hpp"

#include <algorithm>

namespace kvmem::apps {

static constexpr std::size_t max_chunk_line = 1024;

RequestReader::State RequestReader::refuse(int status, Problem problem) {
    refusal_ = {status, std::move(problem)};
    request_.keep_alive = false;
    return state_ = State::refused;
}

RequestReader::State RequestReader::read(std::string& buffer) {
    if (state_ == State::header) read_header(buffer);
    if (state_ == State::body) read_body(buffer);
    return state_;
}

// Bytes are checked as they come, so that what is no HTTP is refused at once.
RequestReader::State RequestReader::read_header(std::string& buffer) {
    const std::size_t end = buffer.find("\r\n\r\n", scanned_ > 3 ? scanned_ - 3 : 0);
    const std::size_t size = end == std::string::npos ? buffer.size() : end + 4;
    if (const std::size_t bad = forbidden_byte_at({buffer.data(), size}, scanned_); bad != std::string::npos)
        return refuse(400, {.what = "a byte that no header may have",
                            .expected = "ASCII in lines that end with CR LF",
                            .got = "byte " + std::to_string(static_cast<unsigned char>(buffer[bad]))});
    scanned_ = end == std::string::npos && !buffer.empty() && buffer.back() == '\r' ? size - 1 : size;
    const std::size_t line = std::min(buffer.find('\r'), buffer.size());
    if (line > limits_.target_bytes + 32)
        return refuse(414, {.what = "the target is too long",
                            .expected = "at most " + std::to_string(limits_.target_bytes) + " bytes"});
    if (size > limits_.header_bytes)
        return refuse(431, {.what = "the header is too long",
                            .expected = "at most " + std::to_string(limits_.header_bytes) + " bytes"});
    if (end == std::string::npos) return state_;
    try {
        framing_ = parse_header({buffer.data(), size}, limits_, request_);
    } catch (const HttpError& e) {
        return refuse(e.refusal().status, e.problem());
    }
    waits_ = framing_.waits_for_continue && (framing_.chunked || framing_.length > 0);
    buffer.erase(0, size);
    return state_ = framing_.chunked || framing_.length > 0 ? State::body : State::done;
}

// Takes bytes of the body, up to its end or that of a chunk. Returns their number.
std::size_t RequestReader::take(std::string_view bytes) {
    const std::size_t count = std::min(framing_.length, bytes.size());
    request_.body.append(bytes.substr(0, count));
    framing_.length -= count;
    return count;
}

RequestReader::State RequestReader::read_body(std::string& buffer) {
    if (!buffer.empty()) waits_ = false;
    std::size_t used = 0;
    if (framing_.chunked) {
        read_chunks(buffer, used);
    } else {
        used = take(buffer);
        if (framing_.length == 0) state_ = State::done;
    }
    buffer.erase(0, used);
    return state_;
}

// A chunk is its size in hexadecimal digits, CR LF, that many bytes, CR LF; one of size 0 and CR LF are the end.
RequestReader::State RequestReader::read_chunks(std::string_view all, std::size_t& used) {
    while (used < all.size()) {
        const std::string_view buffer = all.substr(used);
        if (framing_.length > 0) {
            used += take(buffer);
            within_chunk_ = true;
            continue;
        }
        const std::size_t line_at = within_chunk_ ? 2 : 0;  // behind the CR LF of the chunk before
        const std::string_view ends = buffer.substr(0, line_at);
        if (ends != std::string_view("\r\n").substr(0, ends.size())) return bad_chunk("CR LF behind a chunk");
        const std::size_t end = buffer.find('\n', line_at);
        if (std::min(end, buffer.size()) > max_chunk_line) return bad_chunk("a line of at most 1,024 bytes");
        if (end == std::string::npos) return state_;
        if (is_last_) {
            if (end != line_at + 1 || buffer[line_at] != '\r') return bad_chunk("no fields behind the body");
            used += end + 1;
            return state_ = State::done;
        }
        const std::optional<std::size_t> size =
            chunk_size(buffer.substr(line_at, end + 1 - line_at), limits_.body_bytes + 1);
        if (!size) return bad_chunk("hexadecimal digits, and CR LF");
        if (*size > limits_.body_bytes - request_.body.size())
            return refuse(413, {.what = "the body is too large",
                                .expected = "at most " + std::to_string(limits_.body_bytes) + " bytes"});
        framing_.length = *size;
        is_last_ = *size == 0;
        within_chunk_ = false;
        used += end + 1;
    }
    return state_;
}

RequestReader::State RequestReader::bad_chunk(const char* expected) {
    return refuse(400, {.what = "bad chunk", .expected = expected});
}

}  // namespace kvmem::apps
