// Stores in shards from the program, and the front of shards that other servers have.
#include "kvmem/core/file.hpp"
#include "kvmem/core/rng.hpp"
#include "kvmem/store/memory_store.hpp"
#include "support/program_fixture.hpp"
#include "support/served_program.hpp"

#include <boost/json.hpp>

#include <atomic>
#include <functional>

using namespace kvmem;
using namespace kvmem::test;

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

std::string lines_of_numbers(Index rows, Index width, std::uint64_t seed, bool named) {
    Rng random(seed);
    std::string text;
    for (Index i = 0; i < rows; ++i) {
        if (named) text += "name " + std::to_string(i) + "\t";
        for (Index j = 0; j < width; ++j)
            text += (j > 0 ? " " : "") + std::to_string(static_cast<double>(random.below(2001)) / 1000 - 1);
        text += "\n";
    }
    return text;
}

// The same vectors in one file and in three shards.
struct TwoStores {
    ProgramFixture files;
    std::string vectors = files.write("vectors.txt", lines_of_numbers(700, 8, 1, true));
    std::string values = files.write("values.txt", lines_of_numbers(700, 3, 2, false));
    std::string queries = files.write("queries.txt", lines_of_numbers(6, 8, 3, false));
    std::string one = files.path("one.h5"), wiki = files.path("wiki.json");

    TwoStores() {
        for (const std::string& store : {one, wiki}) {
            std::vector<std::string> arguments{"index", vectors, "--values", values, "-o", store, "--lists", "8"};
            if (store == wiki) arguments.insert(arguments.end(), {"--shards", "3"});
            const Output made = kvmem_program(arguments);
            INFO(made.err);
            REQUIRE(made.code == 0);
        }
    }
    std::string shard(int i) const { return files.path("wiki." + std::to_string(i) + "-of-3.h5"); }
};

void check_same_output(const TwoStores& stores, std::vector<std::string> arguments) {
    const auto place = std::ranges::find(arguments, "STORE");
    *place = stores.one;
    const Output of_one = kvmem_program(arguments);
    *place = stores.wiki;
    const Output of_shards = kvmem_program(arguments);
    CAPTURE(arguments, of_shards.err);
    CHECK(of_one.code == 0);
    CHECK(of_shards.code == 0);
    CHECK(of_one.out == of_shards.out);
}

// A server that takes connections and does with each what it is told.
class FakeServer {
  public:
    explicit FakeServer(std::function<void(int socket)> serve)
        : listener_(::socket(AF_INET, SOCK_STREAM, 0)), serve_(std::move(serve)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* any = reinterpret_cast<sockaddr*>(&address);
        REQUIRE(::bind(listener_, any, sizeof address) == 0);
        REQUIRE(::listen(listener_, 16) == 0);
        REQUIRE(::getsockname(listener_, any, &size) == 0);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] {
            for (;;) {
                pollfd wait{listener_, POLLIN, 0};
                if (::poll(&wait, 1, 20) > 0) {
                    sockets_.push_back(::accept(listener_, nullptr, nullptr));
                    serve_(sockets_.back());
                }
                if (ends_) return;
            }
        });
    }
    ~FakeServer() {
        ends_ = true;
        thread_.join();
        for (const int socket : sockets_) ::close(socket);
        ::close(listener_);
    }
    FakeServer(const FakeServer&) = delete;
    FakeServer& operator=(const FakeServer&) = delete;

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/s"; }

  private:
    int listener_, port_ = 0;
    std::function<void(int)> serve_;
    std::atomic<bool> ends_ = false;
    std::vector<int> sockets_;
    std::thread thread_;
};

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
    const std::size_t at = reply.head.find("X-Kvmem");
    return reply.head.substr(at, reply.head.find("Cache-Control") - at);
}

}  // namespace

TEST_CASE("the program does with a store in shards what it does with one file", "[program][store][shards]") {
    NEED_PROGRAM();
    const TwoStores stores;
    CHECK(fs::exists(stores.shard(2)));
    const auto check_queries = [&] {
        check_same_output(stores, {"query", "STORE", stores.queries, "--k", "12"});
        check_same_output(stores,
                          {"query", "STORE", stores.queries, "--k", "12", "--json", "--filter", "3-90,400-500"});
        check_same_output(stores, {"query", "STORE", stores.queries, "--read", "--json", "--temperature", "0.3"});
        check_same_output(stores, {"query", "STORE", stores.queries, "--probes", "3", "--json"});
        check_same_output(stores, {"query", "STORE", "--name", "name 77"});
        check_same_output(stores, {"store", "export", "STORE"});
    };
    check_queries();
    const json::value info = json::parse(kvmem_program({"inspect", stores.wiki, "--json"}).out);
    CHECK(info.at("slots").to_number<int>() == 700);
    CHECK(info.at("shards").as_array().size() == 3);
    CHECK_THAT(kvmem_program({"inspect", stores.wiki}).out, Catch::Contains("wiki.0-of-3.h5"));
    const std::string more = stores.files.write("more.txt", lines_of_numbers(3, 8, 4, true));
    for (const std::string& store : {stores.one, stores.wiki}) {
        CHECK(kvmem_program({"store", "remove", store, "--ids", "5,600-650"}).code == 0);
        // A store with value vectors takes no lines without them.
        CHECK(kvmem_program({"store", "add", store, more}).errors().size() == 1);
    }
    check_queries();
    for (const std::string& store : {stores.one, stores.wiki})
        CHECK(kvmem_program({"store", "compact", store}).code == 0);
    check_queries();
    fs::remove(stores.shard(1));
    for (const std::string verb : {"query", "inspect"}) {
        const Output failed =
            verb == "query" ? kvmem_program({verb, stores.wiki, stores.queries}) : kvmem_program({verb, stores.wiki});
        CHECK(failed.code == 1);
        REQUIRE(failed.errors().size() == 1);
        CHECK_THAT(failed.err, Catch::Contains("wiki.1-of-3.h5"));
    }
}

TEST_CASE("indexing into shards goes on where it was begun, and leaves nothing when it fails",
          "[program][store][shards]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string vectors = f.write("v.txt", lines_of_numbers(50, 4, 1, false)), store = f.path("s.json");
    const std::vector<std::string> make{"index", vectors, "-o", store, "--shards", "2"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), make.begin(), make.end());
        return kvmem_program(more);
    };
    CHECK(kvmem_program({"index", vectors, "-o", store, "--shards", "2000"}).code != 0);
    CHECK(with({"--lists", "99999999"}).code != 0);
    for (const auto& file : fs::directory_iterator(fs::path(store).parent_path()))
        CHECK_FALSE(file.path().filename().string().starts_with("s."));
    REQUIRE(with({}).code == 0);
    CHECK(with({}).code != 0);
    CHECK(with({"--resume"}).code == 0);
    CHECK(kvmem_program({"index", vectors, "-o", store, "--shards", "3", "--resume"}).code == 2);
    CHECK(kvmem_program({"index", vectors, "-o", store, "--resume"}).code == 0);
    CHECK_THAT(kvmem_program({"inspect", store}).out, Catch::StartsWith("store: 50 slots"));
    CHECK(kvmem_program({"query", store, "-", "--results", store}, "1 0 0 0\n").code != 0);
}

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
        if (wanted.head.find("X-Kvmem") != std::string::npos) CHECK(packed_fields(got) == packed_fields(wanted));
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
        const ServedProgram front({"--shards", "s=" + hostile.url() + "," + good}), without({"--shards", "s=" + good});
        const std::string fields = type.empty() ? "Content-Type: application/json\r\n" : type;
        const HttpReply reply = front.call("POST", "/v1/stores/s/" + operation, request, fields);
        const std::string wanted = without.call("POST", "/v1/stores/s/" + operation, request, fields).body;
        CHECK(reply.status == 200);
        CHECK_THAT(reply.head, Catch::Contains("X-Kvmem-Missing: " + hostile.url()));
        if (type.empty()) {
            CHECK(json::parse(reply.body).at("missing").as_array().size() == 1);
            CHECK(reply.body.substr(0, wanted.size() - 2) == wanted.substr(0, wanted.size() - 2));
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
        const Output output = kvmem_program({"serve", "--shards", wrong, "--port", "0"});
        CHECK(output.code != 0);
        CHECK(output.errors().size() == 1);
    }
    CHECK(kvmem_program({"serve", stores.one, "--whole"}).code == 2);
}
