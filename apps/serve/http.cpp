#include "http.hpp"

#include "kvmem/core/text.hpp"

#include <zlib.h>

#include <array>
#include <boost/json.hpp>
#include <charconv>

namespace kvmem::apps {

namespace json = boost::json;

const std::string& Request::field(const std::string& name) const {
    static const std::string none;
    const auto at = fields.find(name);
    return at == fields.end() ? none : at->second;
}

// The parts of a list in a field, without blanks around them and without parameters.
template <class Found>
static bool any_of_list(std::string_view list, Found found) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        std::string_view part = list.substr(0, comma);
        list.remove_prefix(std::min(comma + 1, list.size()));
        const std::size_t first = part.find_first_not_of(" \t");
        if (first == std::string_view::npos) continue;
        part.remove_prefix(first);
        const std::string_view name = part.substr(0, part.find_first_of("; \t"));
        const bool refused = part.ends_with("q=0") || part.find("q=0.000") != std::string_view::npos;
        if (!refused && found(name)) return true;
    }
    return false;
}

bool Request::accepts(std::string_view type) const {
    return any_of_list(field("accept"), [&](std::string_view name) { return name == type; });
}

const char* reason(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 204:
            return "No Content";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 406:
            return "Not Acceptable";
        case 408:
            return "Request Timeout";
        case 411:
            return "Length Required";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 417:
            return "Expectation Failed";
        case 421:
            return "Misdirected Request";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 505:
            return "HTTP Version Not Supported";
        default:
            return "Unknown";
    }
}

Reply reply_of(const Refusal& refusal) {
    const Problem& problem = refusal.problem;
    json::object object{{"type", "about:blank"}, {"title", as_utf8(problem.what)}, {"status", refusal.status}};
    object["detail"] = as_utf8(Error(problem).what());
    const std::pair<const char*, const std::string&> parts[] = {
        {"expected", problem.expected}, {"got", problem.got}, {"where", problem.where}, {"hint", problem.hint}};
    for (const auto& [name, text] : parts)
        if (!text.empty()) object[name] = as_utf8(text);
    return {refusal.status, "application/problem+json", json::serialize(object) + "\n", refusal.fields, {}};
}

// What every reply says: no type is guessed, nothing is framed, stored or told to other hosts.
static constexpr std::string_view safety =
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src "
    "data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n";

std::string head_of(const Reply& reply, const Request& request, bool keep_alive) {
    std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " " + reason(reply.status) + "\r\n";
    const auto add = [&](std::string_view name, std::string_view value) {
        head.append(name).append(": ").append(value).append("\r\n");
    };
    bool has_cache_rule = false;
    for (const auto& [name, value] : reply.fields) add(name, value), has_cache_rule |= name == "Cache-Control";
    if (!has_cache_rule) add("Cache-Control", "no-store");
    if (!reply.type.empty()) add("Content-Type", reply.type);
    if (reply.next && request.takes_chunks)
        add("Transfer-Encoding", "chunked");
    else if (reply.status != 204 && !reply.next)
        add("Content-Length", std::to_string(reply.body.size()));
    if (!request.id.empty()) add("X-Request-Id", request.id);
    if (!keep_alive) add("Connection", "close");
    return head.append(safety).append("\r\n");
}

bool decode_percent(std::string_view text, std::string& decoded) {
    decoded.clear();
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        unsigned byte = 0;
        if (i + 2 >= text.size()) return false;
        const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
        if (error != std::errc() || end != text.data() + i + 3 || byte == 0) return false;
        decoded += static_cast<char>(byte);
        i += 2;
    }
    return true;
}

void compress(Reply& reply, const Request& request) {
    constexpr std::size_t min_bytes = 1024;
    if (reply.next || reply.body.size() <= min_bytes || reply.type == bytes_type) return;
    reply.fields.emplace_back("Vary", "Accept-Encoding");
    if (!any_of_list(request.field("accept-encoding"), [](std::string_view name) { return name == "gzip"; })) return;
    z_stream stream{};
    constexpr int window_of_gzip = 15 + 16, memory = 8;
    if (deflateInit2(&stream, 1, Z_DEFLATED, window_of_gzip, memory, Z_DEFAULT_STRATEGY) != Z_OK) return;
    std::string packed(deflateBound(&stream, reply.body.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(reply.body.data());
    stream.avail_in = static_cast<uInt>(reply.body.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    if (!done) return;
    reply.body = std::move(packed);
    reply.fields.emplace_back("Content-Encoding", "gzip");
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
    return difference == 0;
}

}  // namespace kvmem::apps
