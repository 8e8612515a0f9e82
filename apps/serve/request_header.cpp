#include "request_header.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace kvmem::apps {

static HttpError refused(int status, Problem problem) { return HttpError({status, std::move(problem), {}}); }

std::size_t forbidden_byte_at(std::string_view header, std::size_t from) {
    for (std::size_t i = from; i < header.size(); ++i) {
        const auto byte = static_cast<unsigned char>(header[i]);
        if (byte == '\r') {
            if (i + 1 < header.size() && header[i + 1] != '\n') return i;
        } else if (byte == '\n') {
            if (i == 0 || header[i - 1] != '\r') return i;
        } else if ((byte < ' ' && byte != '\t') || byte >= 0x7f) {
            return i;
        }
    }
    return std::string_view::npos;
}

static bool is_token(std::string_view text) {
    static constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               others.find(c) != std::string_view::npos;
    });
}

static std::string lower(std::string_view text) {
    std::string all(text);
    for (char& c : all)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    return all;
}

static std::string_view without_blanks(std::string_view text) {
    const std::size_t first = std::min(text.find_first_not_of(" \t"), text.size());
    text.remove_prefix(first);
    return text.substr(0, text.find_last_not_of(" \t") + 1);
}

static std::string decoded(std::string_view text) {
    std::string all;
    if (!decode_percent(text, all))
        throw refused(400, {.what = "bad target", .expected = "two digits behind each %, and not %00"});
    return all;
}

static void parse_query(std::string_view text, Request& request) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('&'), text.size());
        const std::string_view pair = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t equals = std::min(pair.find('='), pair.size());
        const std::string name = decoded(pair.substr(0, equals));
        const std::string value = decoded(pair.substr(std::min(equals + 1, pair.size())));
        if (!request.query.emplace(name, value).second)
            throw refused(400, {.what = "a name is twice in the target", .got = name});
    }
}

// A target is "/path?query", or the same behind "http://" and the host of the field Host.
static void parse_target(std::string_view target, const RequestLimits& limits, Request& request,
                         std::string_view& authority) {
    static constexpr std::string_view never = "\"<>\\^`{|}#";
    if (target.size() > limits.target_bytes)
        throw refused(414, {.what = "the target is too long",
                            .expected = "at most " + std::to_string(limits.target_bytes) + " bytes"});
    constexpr std::string_view scheme = "http://";
    if (target.starts_with(scheme)) {
        target.remove_prefix(scheme.size());
        const std::size_t slash = std::min(target.find('/'), target.size());
        authority = target.substr(0, slash);
        target.remove_prefix(slash);
    }
    if (!target.starts_with('/') || target.find_first_of(never) != std::string_view::npos)
        throw refused(400, {.what = "bad target", .expected = "a path that begins with /"});
    const std::size_t question = std::min(target.find('?'), target.size());
    request.path = decoded(target.substr(0, question));
    parse_query(target.substr(std::min(question + 1, target.size())), request);
}

static void parse_request_line(std::string_view line, const RequestLimits& limits, Request& request,
                               std::string_view& authority) {
    const std::size_t first = line.find(' '), last = line.rfind(' ');
    if (first == std::string_view::npos || first == last || line.find(' ', first + 1) != last ||
        line.find('\t') != std::string_view::npos)
        throw refused(400, {.what = "bad request line", .expected = "METHOD TARGET HTTP/1.1 with one blank each"});
    const std::string_view method = line.substr(0, first), version = line.substr(last + 1);
    if (!is_token(method)) throw refused(400, {.what = "bad method", .expected = "letters"});
    const bool has_form = version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.' &&
                          version[5] >= '0' && version[5] <= '9' && version[7] >= '0' && version[7] <= '9';
    if (!has_form) throw refused(400, {.what = "bad request line", .expected = "HTTP/1.1 at its end"});
    if (version != "HTTP/1.1" && version != "HTTP/1.0")
        throw refused(505, {.what = "no such version of HTTP here", .expected = "HTTP/1.1 or HTTP/1.0"});
    request.method = method;
    request.takes_chunks = request.keep_alive = version == "HTTP/1.1";
    static const std::set<std::string_view> known{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};
    if (!known.contains(method))
        throw refused(501, {.what = "no such method here", .expected = "GET, HEAD, POST, PUT or OPTIONS"});
    parse_target(line.substr(first + 1, last - first - 1), limits, request, authority);
}

void parse_field(std::string_view line, std::map<std::string, std::string>& fields) {
    if (line.front() == ' ' || line.front() == '\t')
        throw refused(400, {.what = "a folded line", .expected = "each field in a line of its own"});
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
        throw refused(400, {.what = "bad field", .expected = "a name and a colon directly behind it"});
    // Fields of which a second one, or a list, would be read by one server and not by another.
    static const std::set<std::string_view> single{
        "host",   "content-length", "transfer-encoding", "content-type",   "authorization", "content-encoding",
        "origin", "expect",         "x-request-id",      "sec-fetch-site", "sec-fetch-mode"};
    const std::string name = lower(line.substr(0, colon));
    const std::string_view value = without_blanks(line.substr(colon + 1));
    const auto [at, is_new] = fields.emplace(name, value);
    if (is_new) return;
    if (single.contains(name)) throw refused(400, {.what = "a field is there twice", .got = name});
    at->second.append(", ").append(value);
}

static bool is_host(std::string_view host) {
    return !host.empty() && host.size() <= 255 && std::ranges::all_of(host, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == ':' || c == '[' || c == ']' || c == '_';
    });
}

static std::size_t length_of(std::string_view text, std::size_t max) {
    constexpr std::size_t max_digits = 18;
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
        throw refused(400,
                      {.what = "bad Content-Length", .expected = "digits", .got = std::string(text.substr(0, 40))});
    std::size_t length = max + 1;
    if (text.size() <= max_digits) std::from_chars(text.data(), text.data() + text.size(), length);
    if (length > max)
        throw refused(413, {.what = "the body is too large", .expected = "at most " + std::to_string(max) + " bytes"});
    return length;
}

// Where the body ends: by Content-Length or by chunks, never by both and never by the end of the connection.
static HeaderFraming framing_of(const Request& request, const RequestLimits& limits, bool is_1_1) {
    HeaderFraming framing;
    const bool has_length = request.fields.contains("content-length");
    if (request.fields.contains("transfer-encoding")) {
        if (has_length || !is_1_1)
            throw refused(400, {.what = "two lengths of one body", .expected = "Content-Length or chunks of HTTP/1.1"});
        if (lower(request.field("transfer-encoding")) != "chunked")
            throw refused(501, {.what = "no such transfer encoding here", .expected = "chunked"});
        framing.chunked = true;
    } else if (has_length) {
        framing.length = length_of(request.field("content-length"), limits.body_bytes);
    }
    const bool takes_body = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
    if (!takes_body && (framing.chunked || framing.length > 0))
        throw refused(400, {.what = "a body that this method does not have", .got = request.method});
    if (takes_body && !framing.chunked && !has_length)
        throw refused(411, {.what = "no length of the body", .expected = "Content-Length, or chunks"});
    return framing;
}

static void require_plain(const Request& request) {
    if (const std::string coding = lower(request.field("content-encoding")); !coding.empty() && coding != "identity")
        throw refused(415, {.what = "the body is encoded", .expected = "none", .got = coding});
    if (const std::string expected = lower(request.field("expect")); !expected.empty() && expected != "100-continue")
        throw refused(417, {.what = "no such expectation here", .expected = "100-continue", .got = expected});
}

static void require_host(const Request& request, std::string_view authority) {
    const std::string& host = request.field("host");
    if (!is_host(host)) throw refused(400, {.what = "bad Host", .expected = "one host, with its port"});
    if (!authority.empty() && lower(authority) != lower(host))
        throw refused(400, {.what = "two hosts", .expected = "the target and Host to name one"});
}

HeaderFraming parse_header(std::string_view header, const RequestLimits& limits, Request& request) {
    std::string_view authority;
    std::size_t count = 0;
    bool is_first = true;
    for (std::size_t end; (end = header.find("\r\n")) != 0; header.remove_prefix(end + 2), is_first = false) {
        if (is_first)
            parse_request_line(header.substr(0, end), limits, request, authority);
        else
            parse_field(header.substr(0, end), request.fields);
        if (++count > limits.fields + 1)
            throw refused(431, {.what = "too many fields", .expected = "at most " + std::to_string(limits.fields)});
    }
    if (is_first) throw refused(400, {.what = "bad request line", .expected = "METHOD TARGET HTTP/1.1"});
    const bool is_1_1 = request.takes_chunks;
    require_host(request, authority);
    HeaderFraming framing = framing_of(request, limits, is_1_1);
    require_plain(request);
    framing.waits_for_continue = is_1_1 && request.fields.contains("expect");
    if (lower(request.field("connection")).find("close") != std::string::npos) request.keep_alive = false;
    return framing;
}

std::optional<std::size_t> chunk_size(std::string_view line, std::size_t max) {
    if (!line.ends_with("\r\n")) return {};
    line.remove_suffix(2);
    const std::size_t digits = std::min(line.find(';'), line.size());
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + digits, size, 16);
    const bool is_visible = std::ranges::all_of(line.substr(digits), [](char c) { return c > ' ' && c < 127; });
    if (error != std::errc() || end != line.data() + digits || !is_visible) return {};
    return std::min<std::uint64_t>(size, max);
}

}  // namespace kvmem::apps
