#include "reply_reader.hpp"

#include "http.hpp"
#include "kvmem/core/number.hpp"
#include "request_header.hpp"

#include <algorithm>
#include <string_view>

namespace kvmem::apps {

static constexpr std::size_t max_header = 16 << 10, max_body = std::size_t{128} << 20;

static Error bad_reply(const char* expected) { return Error({.what = "a bad reply", .expected = expected}); }

std::string HttpReply::field(const std::string& name) const {
    const auto at = fields.find(name);
    return at == fields.end() ? std::string() : at->second;
}

static int status_of(std::string_view line) {
    const bool has_form = line.size() >= 12 && line.starts_with("HTTP/1.1 ") && (line.size() == 12 || line[12] == ' ');
    const auto status = has_form ? kvmem::number_of<int>(std::string(line.substr(9, 3))) : std::nullopt;
    if (!status || *status < 200 || *status > 599) throw bad_reply("HTTP/1.1 and a status from 200 to 599");
    return *status;
}

static HttpReply parse_reply_header(std::string_view header) {
    if (forbidden_byte_at(header, 0) != std::string_view::npos) throw bad_reply("a header of visible ASCII");
    HttpReply reply;
    reply.status = status_of(header.substr(0, header.find("\r\n")));
    header.remove_prefix(header.find("\r\n") + 2);
    for (std::size_t end; (end = header.find("\r\n")) != 0; header.remove_prefix(end + 2))
        parse_field(header.substr(0, end), reply.fields);
    reply.keep_alive = reply.field("connection") != "close";
    return reply;
}

bool ReplyReader::read_header(std::string& buffer) {
    const std::size_t end = buffer.find("\r\n\r\n", scanned_ < 3 ? 0 : scanned_ - 3);
    scanned_ = buffer.size();
    if (std::min(end, buffer.size()) > max_header) throw bad_reply("a header of at most 16 KiB");
    if (end == std::string::npos) return false;
    reply_ = parse_reply_header(std::string_view(buffer).substr(0, end + 4));
    const auto length = kvmem::number_of<std::size_t>(reply_.field("content-length"));
    if (!length || *length > max_body || reply_.fields.contains("transfer-encoding"))
        throw bad_reply("one Content-Length of at most 128 MiB");
    length_ = *length;
    buffer.erase(0, end + 4);
    return has_header_ = true;
}

bool ReplyReader::read(std::string& buffer) {
    if (!has_header_ && !read_header(buffer)) return false;
    const std::size_t count = std::min(buffer.size(), length_ - reply_.body.size());
    reply_.body.append(buffer, 0, count);
    buffer.erase(0, count);
    return reply_.body.size() == length_;
}

}  // namespace kvmem::apps
