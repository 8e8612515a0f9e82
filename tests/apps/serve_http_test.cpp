// Requests of kvmem serve as bytes: what is taken, what is refused, and that no connection serves a request twice.
#include "kvmem/store/memory_store.hpp"
#include "support/program_fixture.hpp"
#include "support/served_program.hpp"

using namespace kvmem;
using namespace kvmem::test;

namespace {

struct Case {
    std::string name, request;
    int status;
    bool closes = true;  // and otherwise serves the next request
};

// Requests of one server. HOST stands for its name.
class Cases {
  public:
    explicit Cases(std::string host) : host_(std::move(host)) {}
    const std::vector<Case>& all() const { return all_; }

    void taken(const std::string& name, const std::string& request, int status = 200, bool closes = false) {
        all_.push_back({name, with_host(request), status, closes});
    }
    void refused(const std::string& name, const std::string& request, int status = 400) {
        all_.push_back({name, with_host(request), status, true});
    }
    // A request line, and the fields of a plain GET.
    void line(const std::string& name, const std::string& line, int status = 400) {
        refused(name, line + "\r\nHost: HOST\r\n\r\n", status);
    }
    // Fields beside those of a plain GET, of a POST.
    void field(const std::string& name, const std::string& fields, int status = 400) {
        refused(name, "GET /healthz HTTP/1.1\r\nHost: HOST\r\n" + fields + "\r\n\r\n", status);
    }
    void post(const std::string& name, const std::string& fields, const std::string& body, int status = 400) {
        refused(name, post_of(fields, body), status);
    }
    void posted(const std::string& name, const std::string& fields, const std::string& body, int status = 200) {
        taken(name, post_of(fields, body), status);
    }

  private:
    static std::string post_of(const std::string& fields, const std::string& body) {
        return "POST /v1/stores/small/get HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\n" + fields +
               "\r\n\r\n" + body;
    }
    std::string with_host(std::string text) const {
        for (std::size_t at = 0; (at = text.find("HOST", at)) != std::string::npos; at += host_.size())
            text.replace(at, 4, host_);
        return text;
    }

    std::string host_;
    std::vector<Case> all_;
};

const std::string get_body = "{\"ids\":[1]}";
const std::string get_length = "Content-Length: 11";

void add_request_lines(Cases& c) {
    c.taken("a plain request", "GET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n");
    c.taken("blanks around a value", "GET /healthz HTTP/1.1\r\nHost:  \t HOST \t\r\n\r\n");
    c.taken("no blank before a value", "GET /healthz HTTP/1.1\r\nHost:HOST\r\n\r\n");
    c.taken("names in any case", "GET /healthz HTTP/1.1\r\nhOST: HOST\r\n\r\n");
    c.taken("an absolute target", "GET http://HOST/healthz HTTP/1.1\r\nHost: HOST\r\n\r\n");
    c.taken("a query that no endpoint reads", "GET /healthz?a=b&c HTTP/1.1\r\nHost: HOST\r\n\r\n");
    c.taken("an encoded path", "GET /%68ealthz HTTP/1.1\r\nHost: HOST\r\n\r\n");
    c.taken("HTTP/1.0 ends the connection", "GET /healthz HTTP/1.0\r\nHost: HOST\r\n\r\n", 200, true);
    c.taken("Connection: close", "GET /healthz HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n", 200, true);
    c.taken("Connection in capitals", "GET /healthz HTTP/1.1\r\nHost: HOST\r\nConnection: CLOSE\r\n\r\n", 200, true);
    c.taken("an unknown path", "GET /none HTTP/1.1\r\nHost: HOST\r\n\r\n", 404);
    for (const char* method : {"POST", "PUT", "PATCH"})
        c.taken(method + std::string(" where only GET is"),
                std::string(method) + " /healthz HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n", 405);
    for (const char* method : {"DELETE", "OPTIONS"})
        c.taken(method + std::string(" where only GET is"),
                std::string(method) + " /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n", 405);
    c.line("no version", "GET /healthz");
    c.line("HTTP/0.9", "GET /healthz HTTP/0.9", 505);
    c.line("HTTP/1.2", "GET /healthz HTTP/1.2", 505);
    c.line("HTTP/2.0", "GET /healthz HTTP/2.0", 505);
    c.line("HTTP/3.0", "GET /healthz HTTP/3.0", 505);
    for (const char* version : {"http/1.1", "HTTP/1.", "HTTP/11", "HTTP/1.10", "HTTP/01.1", "HTTP/+1.1", "HTTP 1.1",
                                "HTTPS/1.1", "HTTP/1,1", "HTTP/1.1x", "H"})
        c.line(std::string("version ") + version, std::string("GET /healthz ") + version);
    c.line("two blanks before the target", "GET  /healthz HTTP/1.1");
    c.line("two blanks behind the target", "GET /healthz  HTTP/1.1");
    c.line("a tab in the line", "GET\t/healthz HTTP/1.1");
    c.line("a tab behind the target", "GET /healthz\tHTTP/1.1");
    c.line("a blank at the beginning", " GET /healthz HTTP/1.1");
    c.line("a blank at the end", "GET /healthz HTTP/1.1 ");
    c.line("a blank in the target", "GET /heal thz HTTP/1.1");
    c.line("no method", "/healthz HTTP/1.1");
    c.line("no target", "GET HTTP/1.1");
    c.line("nothing but blanks", "  ");
    c.refused("an empty line before the request", "\r\nGET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n");
    c.refused("no line at all", "\r\n\r\n");
    for (const char* method : {"TRACE", "CONNECT", "get", "Get", "PROPFIND", "PRI", "BREW", "GET1", "G"})
        c.line(std::string("method ") + method, std::string(method) + " /healthz HTTP/1.1", 501);
    for (const char* method : {"GE(T", "G/T", "GET:", "G@T", "{GET}", "\"GET\"", "G,T"})
        c.line(std::string("method ") + method, std::string(method) + " /healthz HTTP/1.1");
}

void add_targets(Cases& c) {
    for (const char* target : {"healthz",
                               "*",
                               "?a",
                               "//",
                               "/%",
                               "/%4",
                               "/%zz",
                               "/%4z",
                               "/%00",
                               "/a%00b",
                               "/?a=%",
                               "/?%00",
                               "/#part",
                               "/healthz#x",
                               "/a\"b",
                               "/a<b",
                               "/a>b",
                               "/a\\b",
                               "/a^b",
                               "/a`b",
                               "/a{b",
                               "/a|b",
                               "/a}b",
                               "https://HOST/",
                               "ftp://HOST/",
                               "http:/healthz",
                               "http://other/healthz",
                               "http://HOST",
                               "http://HOST@other/",
                               "HOST",
                               "HOST:80",
                               "/?a=1&a=2",
                               "/?%61=1&a=2",
                               "javascript:alert(1)"})
        if (std::string(target) != "//")
            c.line(std::string("target ") + target, std::string("GET ") + target + " HTTP/1.1");
    for (const char* path : {"//", "/../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/healthz/", "/HEALTHZ", "/%2e%2e/",
                             "/v1/stores//get/x", "/v1/stores/a%2fb/get", "/healthz;a=b", "/~root"})
        c.taken(std::string("path ") + path, std::string("GET ") + path + " HTTP/1.1\r\nHost: HOST\r\n\r\n", 404);
    c.line("a target of 5,000 bytes", "GET /" + std::string(5000, 'a') + " HTTP/1.1", 414);
    c.line("a target of 4,090 bytes is only unknown", "GET /" + std::string(4090, 'a') + " HTTP/9.1", 505);
    c.refused("a target without end", "GET /" + std::string(9000, 'a'), 414);
}

void add_fields(Cases& c) {
    c.refused("no Host", "GET /healthz HTTP/1.1\r\n\r\n");
    c.refused("no Host in HTTP/1.0", "GET /healthz HTTP/1.0\r\n\r\n");
    c.refused("an empty Host", "GET /healthz HTTP/1.1\r\nHost: \r\n\r\n");
    c.field("two Hosts", "Host: HOST");
    c.field("two Hosts, in other letters", "host: other");
    for (const char* host : {"a b", "HOST, HOST", "HOST/", "user@HOST", "HOST?x", "ho\\st", "h#t", "a,b", "(x)"})
        c.refused(std::string("Host ") + host, std::string("GET /healthz HTTP/1.1\r\nHost: ") + host + "\r\n\r\n");
    c.field("a folded value", "X-A: b\r\n c");
    c.field("a value folded by a tab", "X-A: b\r\n\tc");
    c.refused("a folded first field", "GET /healthz HTTP/1.1\r\n Host: HOST\r\n\r\n");
    c.field("a folded Transfer-Encoding", "Transfer-Encoding:\r\n chunked");
    c.field("a blank before the colon", "X-A : b");
    c.field("a tab before the colon", "X-A\t: b");
    c.field("no name", ": b");
    c.field("no colon", "X-A");
    for (const char c1 : std::string("()<>@,;\\\"/[]?={} "))
        c.field(std::string("a name with ") + c1, std::string("X") + c1 + "A: b");
    for (int byte = 0; byte < 32; ++byte)
        if (byte != '\t' && byte != '\r' && byte != '\n')
            c.field("byte " + std::to_string(byte) + " in a value",
                    std::string("X-A: b") + static_cast<char>(byte) + "c");
    for (const int byte : {127, 128, 160, 195, 255}) {
        c.field("byte " + std::to_string(byte) + " in a value", std::string("X-A: b") + static_cast<char>(byte) + "c");
        c.field("byte " + std::to_string(byte) + " in a name", std::string("X") + static_cast<char>(byte) + "A: b");
        c.line("byte " + std::to_string(byte) + " in a target",
               std::string("GET /") + static_cast<char>(byte) + " HTTP/1.1");
    }
    c.line("byte 0 in a target", std::string("GET /a\0b HTTP/1.1", 17));
    c.field("CR alone in a value", "X-A: b\rc");
    c.field("LF alone in a value", "X-A: b\nX-B: c");
    c.refused("LF ends the request line", "GET /healthz HTTP/1.1\nHost: HOST\r\n\r\n");
    c.refused("LF ends all lines", "GET /healthz HTTP/1.1\nHost: HOST\n\n");
    c.refused("CR ends all lines", "GET /healthz HTTP/1.1\rHost: HOST\r\r");
    c.refused("CR CR LF", "GET /healthz HTTP/1.1\r\r\nHost: HOST\r\n\r\n");
    c.refused("bytes of TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
    c.refused("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
    c.field("a header of 9,000 bytes", "X-A: " + std::string(9000, 'b'), 431);
    std::string many;
    for (int i = 0; i < 70; ++i) many += "X-" + std::to_string(i) + ": b\r\n";
    c.field("70 fields", many + "X-End: b", 431);
    c.refused("a header without end", "GET /healthz HTTP/1.1\r\nX: " + std::string(9000, 'b'), 431);
    c.field("two X-Request-Id", "X-Request-Id: a\r\nX-Request-Id: b");
    c.field("two Authorization", "Authorization: Bearer a\r\nAuthorization: Bearer b");
    c.field("two Origin", "Origin: http://HOST\r\nOrigin: http://HOST");
    c.field("an expectation", "Expect: 200-ok", 417);
    c.taken("an empty value", "GET /healthz HTTP/1.1\r\nHost: HOST\r\nX-A:\r\n\r\n");
    c.taken("repeated fields that may be", "GET /healthz HTTP/1.1\r\nHost: HOST\r\nAccept: a\r\nAccept: b\r\n\r\n");
}

void add_lengths(Cases& c) {
    c.posted("a length", get_length, get_body);
    for (const char* length :
         {"", "+11", "-11", "0x0b", "11 ", "1 1", "11,11", "11, 11", "11.0", "1e1", "eleven", "\"11\"", "11;", "0 11"})
        if (std::string(length) != "11 ")
            c.post(std::string("Content-Length ") + length, "Content-Length: " + std::string(length), get_body);
    c.posted("leading zeros are digits", "Content-Length: 00011", get_body);
    c.post("two equal lengths", get_length + "\r\n" + get_length, get_body);
    c.post("two lengths", get_length + "\r\nContent-Length: 12", get_body);
    c.post("two lengths, in other letters", get_length + "\r\ncontent-length: 11", get_body);
    c.post("no length", "X-A: b", get_body, 411);
    c.post("a length of 9 MiB", "Content-Length: 9437184", "", 413);
    c.post("a length of 2^64", "Content-Length: 18446744073709551616", "", 413);
    c.post("a length of 2^64 and 11", "Content-Length: 18446744073709551627", get_body, 413);
    c.field("a GET with a body", "Content-Length: 5");
    c.field("a GET with chunks", "Transfer-Encoding: chunked");
    c.taken("a GET with no body, said", "GET /healthz HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n");
    c.refused("a DELETE with a body", "DELETE /healthz HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\n\r\nx");
    c.post("gzip", get_length + "\r\nContent-Encoding: gzip", get_body, 415);
    c.posted("identity", get_length + "\r\nContent-Encoding: identity", get_body);
    c.posted("100-continue", get_length + "\r\nExpect: 100-continue", get_body);
}

void add_chunks(Cases& c) {
    const std::string chunked = "Transfer-Encoding: chunked", body = "b\r\n{\"ids\":[1]}\r\n0\r\n\r\n";
    c.posted("chunks", chunked, body);
    c.posted("several chunks", chunked, "3\r\n{\"i\r\n8\r\nds\":[1]}\r\n0\r\n\r\n");
    c.posted("a size in capitals", chunked, "B\r\n{\"ids\":[1]}\r\n0\r\n\r\n");
    c.posted("Chunked in capitals", "Transfer-Encoding: CHUNKED", body);
    c.posted("an extension of a chunk", chunked, "b;a=b\r\n{\"ids\":[1]}\r\n0\r\n\r\n");
    c.post("chunks and a length", chunked + "\r\n" + get_length, body);
    c.post("a length and chunks", get_length + "\r\n" + chunked, body);
    c.post("two transfer encodings", chunked + "\r\n" + chunked, body);
    for (const char* coding :
         {"xchunked", "gzip, chunked", "chunked, gzip", "chunked, chunked", "identity", "gzip", "chunkedx",
          "chunked;q=1", "\"chunked\"", "'chunked'", "", "deflate", "compress", ",chunked"})
        c.post(std::string("Transfer-Encoding ") + coding, "Transfer-Encoding: " + std::string(coding), body, 501);
    c.post("a vertical tab before chunked", "Transfer-Encoding: \vchunked", body);
    c.post("Transfer-Encoding with a blank", "Transfer-Encoding : chunked", body);
    c.post("gzip and a length", "Transfer-Encoding: gzip\r\n" + get_length, get_body);
    c.refused("chunks in HTTP/1.0",
              "POST /v1/stores/small/get HTTP/1.0\r\nHost: HOST\r\nContent-Type: "
              "application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
                  body);
    for (const char* size : {"", "g", "0x1", "-1", "+1", " b", "b b", "fffffffffffffffff", "1g", "\xff"})
        c.post(std::string("chunk size ") + size, chunked, std::string(size) + "\r\n{\"ids\":[1]}\r\n0\r\n\r\n");
    c.post("a chunk that is longer", chunked, "a\r\n{\"ids\":[1]}\r\n0\r\n\r\n");
    c.post("a chunk of 9 MiB", chunked, "900000\r\n", 413);
    c.post("LF behind a size", chunked, "b\n{\"ids\":[1]}\n0\n\n\r\n\r\n");
    c.post("a trailer", chunked, "b\r\n{\"ids\":[1]}\r\n0\r\nX-A: b\r\n\r\n");
    c.post("a trailer with a Host", chunked, "b\r\n{\"ids\":[1]}\r\n0\r\nHost: other\r\n\r\n");
    c.post("what Beast's reader fails on", chunked, "0\r\n{\"ids\r\n6;a=b-\n\":[0]}\r\n0\r\n\r\n");
    c.post("a blank in an extension", chunked, "b; a=b\r\n{\"ids\":[1]}\r\n0\r\n\r\n");
    c.post("CR alone behind a chunk", chunked, "b\r\n{\"ids\":[1]}\r0\r\n\r\n");
    c.posted("leading zeros of a size", chunked, "00b\r\n{\"ids\":[1]}\r\n00\r\n\r\n");
    c.post("an extension without end", chunked, "b;" + std::string(6000, 'a'));
}

void add_hosts_and_sites(Cases& c) {
    const auto get = [&](const std::string& name, const std::string& host, const std::string& fields, int status) {
        c.taken(name, "GET /v1/info HTTP/1.1\r\nHost: " + host + "\r\n" + fields + "\r\n", status);
    };
    get("the own name", "HOST", "", 200);
    for (const char* host : {"evil.example", "evil.example:80", "localhost", "127.0.0.1", "localhost:1", "localhost.",
                             "[::1]", "0.0.0.0", "2130706433", "localhost.evil.example"})
        get(std::string("the name ") + host, host, "", 421);
    get("the own page", "HOST", "Origin: http://HOST\r\nSec-Fetch-Site: same-origin\r\n", 200);
    get("typed by a person", "HOST", "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\n", 200);
    for (const char* origin :
         {"http://evil.example", "null", "http://localhost", "file://", "http://HOST.evil.example"})
        get(std::string("the origin ") + origin, "HOST", std::string("Origin: ") + origin + "\r\n", 403);
    for (const char* site : {"cross-site", "same-site"})
        get(site, "HOST", std::string("Sec-Fetch-Site: ") + site + "\r\n", 403);
    get("a link of another site to data", "HOST", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n", 403);
    c.taken("a link of another site to the page",
            "GET / HTTP/1.1\r\nHost: HOST\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n\r\n");
    for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "",
                             "application/jsonx", "application/xml"})
        c.taken(std::string("a body of ") + type,
                std::string("POST /v1/stores/small/get HTTP/1.1\r\nHost: HOST\r\nContent-Type: ") + type + "\r\n" +
                    get_length + "\r\n\r\n" + get_body,
                415);
    c.taken("a preflight of another site",
            "OPTIONS /v1/info HTTP/1.1\r\nHost: HOST\r\nOrigin: http://evil.example\r\n"
            "Access-Control-Request-Method: POST\r\n\r\n",
            403);
    c.taken("a store that may not be changed",
            "POST /v1/stores/small/compact HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\n"
            "Content-Length: 2\r\n\r\n{}",
            403);
}

struct SmallStore {
    TemporaryDirectory directory;
    std::string path = (directory.path() / "small.h5").string();

    SmallStore() {
        store::MemoryStore store({.key_width = 2});
        const std::vector<float> key{1, 0};
        for (store::Id id = 0; id < 3; ++id) store.add(id, key);
        store.save(path);
    }
};

}  // namespace

TEST_CASE("each of 300 requests as bytes gets one reply or none, and no connection hangs", "[serve]") {
    NEED_PROGRAM();
    const SmallStore store;
    const ServedProgram server({store.path});
    Cases cases(server.host());
    add_request_lines(cases);
    add_targets(cases);
    add_fields(cases);
    add_lengths(cases);
    add_chunks(cases);
    add_hosts_and_sites(cases);
    CHECK(cases.all().size() >= 300);
    for (const Case& one : cases.all()) {
        INFO(one.name);
        RawConnection connection(server.port());
        connection.send(one.request);
        const auto reply = connection.receive();
        CHECK_FALSE(connection.hung);
        CHECK((reply ? reply->status : 0) == one.status);
        if (!reply || one.closes) {
            CHECK(connection.closes());
            continue;
        }
        connection.send(server.request("GET", "/readyz"));
        const auto next = connection.receive();
        CHECK((next ? next->status : 0) == 200);
    }
    const HttpReply health = server.call("GET", "/healthz");
    CHECK(health.status == 200);
}

TEST_CASE("requests in a row on one connection are answered in their order", "[serve]") {
    NEED_PROGRAM();
    const SmallStore store;
    const ServedProgram server({store.path});
    RawConnection connection(server.port());
    std::string all;
    for (int i = 0; i < 50; ++i)
        all += server.request("POST", "/v1/stores/small/get", "{\"ids\":[" + std::to_string(i) + "]}");
    connection.send(all);
    for (int i = 0; i < 50; ++i) {
        const auto reply = connection.receive();
        REQUIRE(reply);
        CHECK(reply->body.find("{\"id\":" + std::to_string(i) + ",") != std::string::npos);
    }
    // The same, a byte at a time.
    for (const char c : server.request("POST", "/v1/stores/small/get", get_body)) connection.send({&c, 1});
    const auto reply = connection.receive();
    REQUIRE(reply);
    CHECK(reply->status == 200);
}
