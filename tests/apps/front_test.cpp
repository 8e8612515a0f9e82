// The front of a store in shards that other servers have.
#include "kvmem/store/memory_store.hpp"
#include "support/fake_server.hpp"
#include "support/served_program.hpp"
#include "support/two_stores.hpp"

#include <boost/json.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

void stall(int) {}

// A server of each shard.
struct ShardServers {
    std::vector<std::unique_ptr<ServedProgram>> servers;
    explicit ShardServers(const TwoStores& stores) {
        for (int i = 0; i < 3; ++i)
            servers.push_back(std::make_unique<ServedProgram>(std::vector<std::string>{stores.shard(i)}));
    }
    std::string url(std::size_t i) const {
        return "http://" + servers[i]->host() + "/wiki." + std::to_string(i) + "-of-3";
    }
};

const std::string search_body = R"({"queries":[[1,0,0,0,0.5,0,0,0],[0.5,-1,2,0,0,0.25,0,0],[0,0,0,0,0,0,0,1]],"k":9})";
constexpr const char* as_bytes = "Content-Type: application/json\r\nAccept: application/octet-stream\r\n";

std::string packed_fields(const HttpReply& reply) {
    const std::size_t at = reply.head.find("X-Kvmem-Rows");
    return reply.head.substr(at, reply.head.find("Cache-Control") - at);
}

// Waits for a status of /readyz.
bool comes_to(const ServedProgram& server, int status) {
    for (int tries = 0; tries < 200; ++tries) {
        if (server.call("GET", "/readyz").status == status) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
}

}  // namespace

TEST_CASE("a front of shards replies with the bytes of one store", "[serve][shards]") {
    NEED_PROGRAM();
    const TwoStores stores;
    const ShardServers shards(stores);
    const ServedProgram one({stores.one}), here({stores.wiki}),
        front({"--shards", "one=" + shards.url(0) + "," + shards.url(1) + "," + shards.url(2)});
    const auto check_same = [&](const std::string& operation, const std::string& body,
                                const std::string& fields = "Content-Type: application/json\r\n") {
        const HttpReply wanted = one.call("POST", "/v1/stores/one/" + operation, body, fields);
        const HttpReply got = front.call("POST", "/v1/stores/one/" + operation, body, fields);
        CAPTURE(operation, body.substr(0, 200));
        CHECK(got.status == wanted.status);
        CHECK(got.body == wanted.body);
        if (wanted.head.find("X-Kvmem-Rows") != std::string::npos) CHECK(packed_fields(got) == packed_fields(wanted));
        CHECK(here.call("POST", "/v1/stores/wiki/" + operation, body, fields).body == wanted.body);
    };
    const std::string start = search_body.substr(0, search_body.size() - 1);
    for (const std::string more : {"}", ",\"filter\":\"3-50,200\"}", ",\"filter\":\"7\"}", ",\"filter\":\"9999\"}"}) {
        check_same("search", start + more);
        check_same("read", start + more);
        check_same("search", start + more, as_bytes);
    }
    check_same("read", start + ",\"temperature\":0.2,\"values\":true}");
    check_same("search", "{\"queries\":[[1,0,0,0,0.5,0,0,0]],\"k\":5000}", as_bytes);
    check_same("get", "{\"ids\":[3,699,700,12],\"encoding\":\"base64\"}");
    check_same("get", "{\"ids\":[\"5\"],\"ids_as_texts\":true}");
    std::string bytes(8 * sizeof(float) * 4, '\0');
    bytes[3] = 0x3f;
    check_same("search?k=3&filter=1-400", bytes,
               "Content-Type: application/octet-stream\r\nAccept: application/octet-stream\r\n");
    std::string filter = "1";
    for (int i = 4; filter.size() < 3500; i += 4) filter += "," + std::to_string(i) + "-" + std::to_string(i + 1);
    check_same("search?k=40&filter=" + filter, bytes,
               "Content-Type: application/octet-stream\r\nAccept: application/octet-stream\r\n");
    // What a shard refuses is refused, and what only a store here has is said.
    CHECK(front.call("POST", "/v1/stores/one/search", "{\"queries\":[[1,0]]}").status == 400);
    CHECK(front.call("POST", "/v1/stores/two/search", search_body).status == 404);
    CHECK(front.call("PUT", "/v1/stores/one/slots", "{\"slots\":[]}").status == 403);
    CHECK_THAT(front.call("GET", "/v1/info").body, Catch::Contains("wiki.2-of-3"));
}

TEST_CASE("a shard that stalls is named after its time-out, or is an error", "[serve][shards]") {
    NEED_PROGRAM();
    const TwoStores stores;
    const ShardServers shards(stores);
    const FakeServer stalled(stall);
    const std::string store = "s=" + shards.url(0) + "," + stalled.url() + "," + shards.url(2);
    const ServedProgram front({"--shards", store, "--shard-timeout", "0.3"}),
        strict({"--shards", store, "--shard-timeout", "0.3", "--whole"});
    for (const std::string operation : {"search", "read"}) {
        const HttpReply reply = front.call("POST", "/v1/stores/s/" + operation, search_body);
        CHECK(reply.status == 200);
        const json::value body = json::parse(reply.body);
        CHECK(body.at("partial").as_bool());
        REQUIRE(body.at("missing").as_array().size() == 1);
        CHECK(body.at("missing").at(0).as_string() == stalled.url() + ": no reply within 0.3 s");
        for (const json::value& slot : body.at("results").at(0).at("slots").as_array())
            CHECK(store::shard_of(slot.at("id").to_number<store::Id>(), 3) != 1);
        const HttpReply refused = strict.call("POST", "/v1/stores/s/" + operation, search_body);
        CHECK(refused.status == 503);
        CHECK_THAT(refused.body, Catch::Contains("no reply within 0.3 s"));
    }
    const HttpReply packed = front.call("POST", "/v1/stores/s/search", search_body, as_bytes);
    CHECK(packed.status == 200);
    CHECK_THAT(packed.head, Catch::Contains("X-Kvmem-Missing: " + stalled.url()));
    // No shard at all is an error in any case.
    const ServedProgram alone({"--shards", "s=" + stalled.url(), "--shard-timeout", "0.2"});
    CHECK(alone.call("POST", "/v1/stores/s/search", search_body).status == 503);
}

TEST_CASE("a replica takes the place of a server that stalls or was killed", "[serve][shards]") {
    NEED_PROGRAM();
    const TwoStores stores;
    ShardServers shards(stores);
    const FakeServer stalled(stall);
    ServedProgram second({stores.shard(1)});
    const ServedProgram one({stores.one}), front({"--shards",
                                                  "one=" + shards.url(0) + "," + stalled.url() + "|" + shards.url(1) +
                                                      "|http://" + second.host() + "/wiki.1-of-3," + shards.url(2),
                                                  "--shard-timeout", "0.3"});
    const std::string wanted = one.call("POST", "/v1/stores/one/read", search_body).body;
    RawConnection connection(front.port());
    const auto read = [&] {
        connection.send(front.request("POST", "/v1/stores/one/read", search_body));
        return connection.receive().value_or(HttpReply{}).body;
    };
    CHECK(read() == wanted);
    CHECK(read() == wanted);
    shards.servers[1]->end(SIGKILL);
    CHECK(read() == wanted);
    second.end(SIGKILL);
    CHECK_THAT(read(), Catch::Contains("\"partial\":true"));
    // A server that comes back is found again.
    shards.servers[1] = std::make_unique<ServedProgram>(std::vector<std::string>{stores.shard(1)});
    const ServedProgram again({"--shards", "one=" + shards.url(0) + "," + shards.url(1) + "," + shards.url(2)});
    CHECK(again.call("POST", "/v1/stores/one/read", search_body).body == wanted);
}

TEST_CASE("a replica that refuses the front leaves the request to the next one", "[serve][shards]") {
    NEED_PROGRAM();
    const TwoStores stores;
    ShardServers shards(stores);
    const ServedProgram one({stores.one});
    const std::string wanted = one.call("POST", "/v1/stores/one/read", search_body).body;
    for (const std::string status : {"401", "403", "404", "429", "302", "503"}) {
        CAPTURE(status);
        const std::string bytes = "HTTP/1.1 " + status + " No\r\nContent-Length: 0\r\n\r\n";
        const FakeServer refusing([&](int socket) { (void)!::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
        const ServedProgram front(
            {"--shards", "one=" + shards.url(0) + "," + refusing.url() + "|" + shards.url(1) + "," + shards.url(2)});
        CHECK(front.call("POST", "/v1/stores/one/read", search_body).body == wanted);
    }
}

TEST_CASE("a hostile shard costs its part of a result alone", "[serve][shards]") {
    NEED_PROGRAM();
    const TwoStores stores;
    const ShardServers shards(stores);
    const auto header = [](const std::string& more) { return "HTTP/1.1 200 OK\r\n" + more + "\r\n"; };
    const std::string many(1 << 20, 'x');
    const auto with_body = [&](const std::string& body) {
        return header("Content-Length: " + std::to_string(body.size()) + "\r\n") + body;
    };
    for (const std::string& bytes :
         {std::string("hello\r\n\r\n"), header(""), header("Content-Length: -1\r\n"),
          header("Content-Length: 1\r\nContent-Length: 2\r\n"), header("Content-Length: 99999999999999\r\n"),
          header("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", header("X: \x01\r\nContent-Length: 0\r\n"),
          "HTTP/1.1 200 OK\r\nX: " + many, std::string("HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n"),
          std::string("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), with_body(""), with_body("{}"), with_body("[1"),
          with_body(std::string(100000, '[')), with_body("{\"results\":[{\"query\":0,\"slots\":[]}]}"),
          with_body("{\"results\":[{\"query\":0,\"slots\":[{\"id\":-1,\"score\":1}]},{},{}]}"),
          with_body("{\"results\":5}"), with_body("{\"results\":[]}") + "more",
          header("Content-Length: 50\r\n") + "short"}) {
        CAPTURE(bytes.substr(0, 120));
        const FakeServer hostile([&](int socket) {
            (void)!::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            ::shutdown(socket, SHUT_WR);
        });
        const ServedProgram front(
            {"--shards", "s=" + shards.url(0) + "," + shards.url(1) + "," + hostile.url(), "--shard-timeout", "5"});
        const HttpReply reply = front.call("POST", "/v1/stores/s/search", search_body);
        CHECK(reply.status == 200);
        const json::value body = json::parse(reply.body);
        CHECK(body.at("partial").as_bool());
        CHECK(body.at("missing").as_array().size() == 1);
        CHECK(body.at("results").as_array().size() == 3);
        CHECK(body.at("results").at(0).at("slots").as_array().size() == 9);
    }
}

TEST_CASE("a wrong reply that comes first takes out no right one", "[serve][shards]") {
    NEED_PROGRAM();
    const TwoStores stores;
    const ShardServers shards(stores);
    const auto results = [](const std::string& row) { return "{\"results\":[" + row + "," + row + "," + row + "]}"; };
    const auto check_left_out = [&](const std::string& operation, const std::string& request, const std::string& body,
                                    const std::string& more = "", const std::string& type = "") {
        CAPTURE(operation, body.substr(0, 200));
        const std::string bytes =
            "HTTP/1.1 200 OK\r\n" + more + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        const FakeServer hostile([&](int socket) { (void)!::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
        const std::string good = shards.url(1) + "," + shards.url(2);
        const ServedProgram front({"--shards", "s=" + hostile.url() + "," + good}),
            without({"--shards", "s=http://127.0.0.1:1/none," + good});
        const std::string fields = type.empty() ? "Content-Type: application/json\r\n" : type;
        const HttpReply reply = front.call("POST", "/v1/stores/s/" + operation, request, fields);
        std::string wanted = without.call("POST", "/v1/stores/s/" + operation, request, fields).body;
        CHECK(reply.status == 200);
        CHECK_THAT(reply.head, Catch::Contains("X-Kvmem-Missing: " + hostile.url()));
        if (type.empty()) {
            CHECK(json::parse(reply.body).at("missing").as_array().size() == 1);
            wanted.resize(std::min(wanted.find(",\"partial\""), wanted.size()));
            CHECK(wanted.size() > 20);
            CHECK(reply.body.substr(0, wanted.size()) == wanted);
        } else {
            CHECK(reply.body == wanted);
        }
    };
    check_left_out("search", search_body, "{\"results\":[{\"slots\":[]}]}");
    check_left_out("search", search_body, results("{\"slots\":[{\"id\":1,\"score\":1e300}]}"));
    check_left_out("read", search_body, results("{\"slots\":[{\"id\":1,\"score\":1}]}"));
    check_left_out("read", search_body, results("{\"slots\":[{\"id\":1,\"score\":1}],\"read\":[1,2,3]}"));
    check_left_out("read", search_body,
                   results("{\"slots\":[{\"id\":1,\"score\":1,\"value\":[1,1e99,1]}],\"read\":[1,2,3]}"));
    check_left_out("read", search_body, results("{\"slots\":[{\"id\":1,\"score\":1,\"value\":[1]}],\"read\":[1]}"));
    const std::string ids = "{\"ids\":[1,2,3,4]}";
    for (const char* wrong : {"{\"slots\":[]}", "{\"slots\":[1,2,3,4]}",
                              R"({"slots":[{"id":1,"found":false},{"id":2,"found":false},{"id":3,"found":false}]})",
                              R"({"slots":[{"id":"x","found":true},{"id":2},{"id":3},{"id":4}]})"})
        check_left_out("get", ids, wrong);
    check_left_out("search", search_body, "", "X-Kvmem-Rows: 1073741824\r\nX-Kvmem-K: 0\r\n", as_bytes);
    check_left_out("search", search_body, "", "X-Kvmem-Rows: 4611686018427387904\r\nX-Kvmem-K: 4\r\n", as_bytes);
    check_left_out("search", search_body, std::string(12, 'x'), "X-Kvmem-Rows: 1\r\nX-Kvmem-K: 1\r\n", as_bytes);
    // Bytes do not tell the number of queries: most shards do.
    check_left_out("search?k=3", std::string(64, '\0'), std::string(48, 'x'), "X-Kvmem-Rows: 4\r\nX-Kvmem-K: 1\r\n",
                   "Content-Type: application/octet-stream\r\nAccept: application/octet-stream\r\n");
}

TEST_CASE("a front brings the token of its shards, and takes addresses of servers alone", "[serve][shards]") {
    NEED_PROGRAM();
    const TwoStores stores;
    const std::string token = stores.files.write("token", "0123456789abcdef\n");
    const ServedProgram shard({stores.one, "--token-file", token});
    const std::string url = "http://" + shard.host() + "/one";
    const ServedProgram front({"--shards", "one=" + url, "--shard-token-file", token}),
        without({"--shards", "one=" + url});
    CHECK(front.call("POST", "/v1/stores/one/search", search_body).status == 200);
    const HttpReply refused = without.call("POST", "/v1/stores/one/search", search_body);
    CHECK(refused.status == 503);
    CHECK_THAT(refused.body, Catch::Contains("status 401"));
    for (const char* wrong :
         {"one", "=http://a:1/b", "one=http://127.0.0.1/one", "one=http://127.0.0.1:80", "one=https://127.0.0.1:80/one",
          "one=http://127.0.0.1:80/a/b", "one=", "one=|", "one=http://no.such.host.invalid:80/one"}) {
        CAPTURE(wrong);
        check_refused(kvmem_program({"serve", "--shards", wrong, "--port", "0"}));
    }
    CHECK(kvmem_program({"serve", stores.one, "--whole"}).code == 2);
}

TEST_CASE("shards that are not all of one store, each once, are an error that says what was expected",
          "[serve][shards]") {
    NEED_PROGRAM();
    const TwoStores stores, others;
    const ShardServers shards(stores), strange(others);
    const auto reply_of = [&](const std::string& urls) {
        const ServedProgram front({"--shards", "s=" + urls});
        return front.call("POST", "/v1/stores/s/search", search_body);
    };
    const auto check_refused = [&](const std::string& urls, const std::string& what, const std::string& expected) {
        const HttpReply reply = reply_of(urls);
        CHECK(reply.status == 502);
        const json::value body = json::parse(reply.body);
        CHECK_THAT(std::string(body.at("title").as_string()), Catch::Contains(what));
        CHECK_THAT(std::string(body.at("expected").as_string()), Catch::Contains(expected));
        CHECK(body.as_object().contains("got"));
    };
    check_refused(shards.url(0) + "," + shards.url(1), "not as many shards", "3 shards");
    check_refused(shards.url(0) + "," + shards.url(1) + "," + strange.url(2), "do not belong together", "one of 3");
    check_refused(shards.url(0) + "," + shards.url(1) + "," + shards.url(1), "two servers have the same shard", "once");
    const std::string whole = reply_of(shards.url(0) + "," + shards.url(1) + "," + shards.url(2)).body;
    CHECK(reply_of(shards.url(2) + "," + shards.url(0) + "," + shards.url(1)).body == whole);
    // A store that is no shard is left out.
    const ServedProgram one({stores.one});
    const std::string plain = "http://" + one.host() + "/one";
    const HttpReply partial = reply_of(shards.url(0) + "," + plain + "," + shards.url(2));
    CHECK(partial.status == 200);
    CHECK_THAT(partial.body, Catch::Contains(plain + ": a reply that is of no shard"));
}

TEST_CASE("a shard that was too slow is found again", "[serve][shards]") {
    NEED_PROGRAM();
    const TwoStores stores;
    const ShardServers shards(stores);
    const ServedProgram other(
        {"--shards", "s=" + shards.url(0) + "," + shards.url(1) + "," + shards.url(2), "--shard-timeout", "0.4"});
    const auto is_whole = [&] {
        return other.call("POST", "/v1/stores/s/search", search_body).body.find("partial") == std::string::npos;
    };
    const auto comes_whole = [&] {
        for (int tries = 0; tries < 200; ++tries) {
            if (is_whole()) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        return false;
    };
    CHECK(comes_whole());
    shards.servers[1]->signal(SIGSTOP);
    CHECK_FALSE(is_whole());
    shards.servers[1]->signal(SIGCONT);
    CHECK(comes_whole());
}

TEST_CASE("a front is ready while each shard has a server that answers", "[serve][shards]") {
    NEED_PROGRAM();
    const TwoStores stores;
    ShardServers shards(stores);
    ServedProgram second({stores.shard(1)});
    const ServedProgram front({"--shards", "s=" + shards.url(0) + "," + shards.url(1) + "|http://" + second.host() +
                                               "/wiki.1-of-3," + shards.url(2)});
    CHECK(comes_to(front, 200));
    shards.servers[1]->end(SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    CHECK(front.call("GET", "/readyz").status == 200);
    second.end(SIGKILL);
    CHECK(comes_to(front, 503));
    CHECK_THAT(front.call("GET", "/readyz").body, Catch::Contains("\"got\":\"1\"") && !Catch::Contains("wiki.1-of-3"));
    CHECK(front.call("GET", "/healthz").status == 200);
    CHECK(shards.servers[0]->call("GET", "/readyz").status == 200);
}

TEST_CASE("a shard that is older than most is left out of results", "[serve][shards]") {
    NEED_PROGRAM();
    const TwoStores stores;
    fs::create_directory(stores.files.path("old"));
    const std::string old = stores.files.path("old/wiki.1-of-3.h5");
    fs::copy_file(stores.shard(1), old);
    REQUIRE(kvmem_program({"store", "remove", stores.wiki, "--ids", "5"}).code == 0);
    REQUIRE(kvmem_program({"store", "compact", stores.wiki}).code == 0);
    const ShardServers shards(stores);
    const ServedProgram stale({old});
    const std::string url = "http://" + stale.host() + "/wiki.1-of-3";
    const ServedProgram front({"--shards", "s=" + url + "," + shards.url(0) + "," + shards.url(2)});
    for (const std::string operation : {"search", "read"})
        CHECK_THAT(front.call("POST", "/v1/stores/s/" + operation, search_body).body,
                   Catch::Contains("\"missing\":[\"" + url + ": after"));
    CHECK_THAT(front.call("POST", "/v1/stores/s/search", search_body, as_bytes).head,
               Catch::Contains("X-Kvmem-Missing: " + url));
    CHECK(comes_to(front, 503));
}
