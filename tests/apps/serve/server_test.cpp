// Deadlines and the queue of a server, which runs in this process.
#include "server.hpp"

#include "support/fake_server.hpp"
#include "support/served_program.hpp"

#include <csignal>

using namespace kvmem;
using namespace kvmem::test;
using namespace std::chrono_literals;
using apps::Deadlines;
using apps::ServedPaths;
using apps::ServerOptions;

namespace {

// A server on a thread of its own, until it ends as SIGTERM ends one.
class ServerHere {
  public:
    ServerHere(ServedPaths paths, ServerOptions options)
        : service_(std::move(paths)),
          server_(service_, at_any_port(std::move(options))),
          thread_([this] { server_.run(); }) {}
    ~ServerHere() {
        ::raise(SIGTERM);
        thread_.join();
    }
    ServerHere(const ServerHere&) = delete;
    ServerHere& operator=(const ServerHere&) = delete;

    int port() const { return server_.port(); }
    std::string head(const std::string& method, const std::string& path) const {
        return method + " " + path + " HTTP/1.1\r\nHost: localhost:" + std::to_string(port()) + "\r\n";
    }
    std::string posted(const std::string& path, const std::string& body) const {
        return head("POST", path) + "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + body;
    }
    // Waits for a line of /metrics.
    bool comes_to(const std::string& line) const {
        for (int tries = 0; tries < 40; ++tries) {
            RawConnection connection(port());
            connection.send(head("GET", "/metrics") + "\r\n");
            const auto reply = connection.receive();
            if (reply && reply->body.find("\n" + line + "\n") != std::string::npos) return true;
            std::this_thread::sleep_for(300ms);  // closed connections are counted for 200
        }
        return false;
    }

  private:
    static ServerOptions at_any_port(ServerOptions options) {
        options.port = 0;
        return options;
    }

    apps::Service service_;
    apps::Server server_;
    std::thread thread_;
};

ServerOptions with(const Deadlines& deadlines) {
    ServerOptions options;
    options.deadlines = deadlines;
    return options;
}

}  // namespace

TEST_CASE("a header and a body that take too long are refused", "[serve]") {
    const ServerHere server({}, with({.header = 50ms, .body = 50ms}));
    const std::string request = server.posted("/v1/stores/s/get", "{\"ids\":[1]}");
    for (const std::size_t missing : {std::size_t{1}, std::size_t{10}, request.size() - 5}) {
        RawConnection connection(server.port());
        connection.send(request.substr(0, request.size() - missing));
        const auto reply = connection.receive();
        REQUIRE(reply);
        CHECK(reply->status == 408);
        CHECK(connection.closes());
    }
}

TEST_CASE("a byte now and then makes no deadline longer", "[serve]") {
    const ServerHere server({}, with({.header = 100ms}));
    RawConnection connection(server.port());
    connection.send(server.head("GET", "/healthz") + "X: ");
    for (int i = 0; i < 40; ++i) {
        connection.send("x");
        std::this_thread::sleep_for(20ms);
    }
    const auto reply = connection.receive();
    REQUIRE(reply);
    CHECK(reply->status == 408);
}

TEST_CASE("connections that say nothing, or do not read, are closed", "[serve]") {
    const TemporaryDirectory directory;
    const std::string path = (directory.path() / "s.h5").string();
    store::MemoryStore store({.key_width = 64});
    const Matrix key(1, 64);
    (void)store.add(key, {});
    store.save(path);
    const ServerHere server({.paths = {path}}, with({.idle = 50ms, .write = 50ms}));
    RawConnection silent(server.port());
    CHECK(silent.closes());
    std::string ids = "0";
    for (int i = 1; i < 65'000; ++i) ids += ",0";  // a reply of 17 MB, beyond what the server's socket buffers
    // A client that reads too late gets a part of it. How late that is depends on the load of the machine.
    bool cut = false;
    for (auto wait = 500ms; wait < 10s && !cut; wait *= 2) {
        RawConnection deaf(server.port(), 4096);
        deaf.send(server.posted("/v1/stores/s/get", "{\"ids\":[" + ids + "]}"));
        std::this_thread::sleep_for(wait);
        cut = !deaf.receive();
    }
    CHECK(cut);
}

TEST_CASE("beyond the queue requests get 503 with Retry-After, and those in it are answered", "[serve]") {
    std::atomic<int> asked = 0;
    auto stalled = std::make_unique<FakeServer>([&](int) { ++asked; });
    ServedPaths paths;
    paths.fronts.stores = {"s=" + stalled->url()};
    paths.fronts.timeout = 60s;
    ServerOptions options;
    options.workers = 1;
    options.max_waiting = 1;
    const ServerHere server(paths, options);
    const std::string search = server.posted("/v1/stores/s/search", "{\"queries\":[[1]]}");
    RawConnection first(server.port()), second(server.port()), third(server.port());
    first.send(search);
    for (int tries = 0; tries < 2000 && asked < 2; ++tries) std::this_thread::sleep_for(5ms);
    REQUIRE(asked == 2);  // the search, and the check of shards
    second.send(search);
    REQUIRE(server.comes_to("kvmem_queue_length 1"));
    third.send(search);
    const auto refused = third.receive();
    REQUIRE(refused);
    CHECK(refused->status == 503);
    CHECK_THAT(refused->head, Catch::Contains("Retry-After: ") && Catch::Contains("Content-Type: application/problem"));
    CHECK_THAT(refused->body, Catch::Contains("too many requests wait"));
    third.send(server.head("GET", "/healthz") + "\r\n");
    const auto alive = third.receive();
    REQUIRE(alive);
    CHECK(alive->status == 200);
    stalled.reset();
    for (RawConnection* connection : {&first, &second}) {
        const auto reply = connection->receive();
        REQUIRE(reply);
        CHECK_THAT(reply->body, Catch::Contains("shards do not answer"));
    }
}

TEST_CASE("a check of shards needs no worker, and its reply names no server", "[serve][shards]") {
    std::atomic<int> asked = 0;
    auto stalled = std::make_unique<FakeServer>([&](int) { ++asked; });
    ServedPaths paths;
    paths.fronts.stores = {"s=" + stalled->url()};
    ServerOptions options;
    options.workers = 1;
    const ServerHere server(paths, options);
    for (int tries = 0; tries < 200; ++tries) {
        RawConnection connection(server.port());
        connection.send(server.head("GET", "/readyz") + "\r\n");
        const auto reply = connection.receive();
        REQUIRE(reply);
        CHECK(reply->status == 503);
        CHECK_THAT(reply->body, !Catch::Contains("http://"));
    }
    CHECK(asked <= 2);
}
