#include "request_reader.hpp"

#include "request_header.hpp"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <iterator>

namespace kvmem::apps {

namespace http = boost::beast::http;

struct RequestReader::Body {
    http::request_parser<http::string_body> parser;
    std::ptrdiff_t fields = 0;  // of the header
};

RequestReader::RequestReader(const RequestLimits& limits) : limits_(limits) {}
RequestReader::~RequestReader() = default;
RequestReader::RequestReader(RequestReader&&) noexcept = default;
RequestReader& RequestReader::operator=(RequestReader&&) noexcept = default;

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
    HeaderFraming framing;
    try {
        framing = parse_header({buffer.data(), size}, limits_, request_);
    } catch (const HttpError& e) {
        return refuse(e.refusal().status, e.problem());
    }
    waits_ = framing.waits_for_continue && (framing.chunked || framing.length > 0);
    body_ = std::make_unique<Body>();
    body_->parser.eager(true);
    body_->parser.header_limit(static_cast<std::uint32_t>(limits_.header_bytes + 1));
    body_->parser.body_limit(limits_.body_bytes);
    boost::beast::error_code error;
    body_->parser.put(boost::asio::const_buffer(buffer.data(), size), error);
    if (error && error != http::error::need_more) return refuse(400, {.what = "bad header", .got = error.message()});
    if (!body_->parser.is_header_done()) return refuse(400, {.what = "bad header"});
    const auto& fields = body_->parser.get();
    body_->fields = std::distance(fields.begin(), fields.end());
    buffer.erase(0, size);
    return state_ = State::body;
}

RequestReader::State RequestReader::read_body(std::string& buffer) {
    constexpr std::size_t max_chunk_line = 4 << 10;
    auto& parser = body_->parser;
    std::size_t taken = 0;
    boost::beast::error_code error;
    while (!parser.is_done() && taken < buffer.size()) {
        const std::size_t count = parser.put(boost::asio::buffer(buffer.data() + taken, buffer.size() - taken), error);
        taken += count;
        if (error == http::error::need_more) error = {};
        if (error || count == 0) break;
    }
    buffer.erase(0, taken);
    if (taken > 0) waits_ = false;
    if (error == http::error::body_limit)
        return refuse(413, {.what = "the body is too large",
                            .expected = "at most " + std::to_string(limits_.body_bytes) + " bytes"});
    if (error) return refuse(400, {.what = "bad body", .expected = "chunks", .got = error.message()});
    if (!parser.is_done()) {
        if (buffer.size() > max_chunk_line) return refuse(400, {.what = "a line of a chunk is too long"});
        return state_;
    }
    const auto& message = parser.get();
    if (std::distance(message.begin(), message.end()) != body_->fields)
        return refuse(400, {.what = "fields behind the body", .expected = "no trailer"});
    request_.body = std::move(parser.get().body());
    waits_ = false;
    body_.reset();
    return state_ = State::done;
}

}  // namespace kvmem::apps
